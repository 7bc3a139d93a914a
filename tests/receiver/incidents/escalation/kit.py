"""A receiver's part that escalates, on a simulated clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from receiver import metrics
from receiver.incidents.escalation.policy import Policy
from receiver.incidents.escalation.worker import Escalation
from receiver.incidents.lives import Lives
from receiver.incidents.oncall.duty import Duty
from receiver.incidents.oncall.schedule import Schedule
from receiver.incidents.people import Person
from receiver.incidents.quiet.keeping import Rules
from receiver.incidents.quiet.planning import Planning
from receiver.incidents.quiet.windows import Window
from receiver.intake.ingest import Intake
from receiver.intake.webhook import parse
from receiver.messages.route import Route
from receiver.metrics import Metrics
from receiver.model import Act
from receiver.store.audit import Change
from receiver.store.notices import Asked
from receiver.store.standings import Standing
from receiver.store.store import Store
from tests.receiver.webhooks import START, alert, body

CONTEXT = {"people": ["ada", "bob", "eve"], "channels": ["ops", "phone", "duty", "managers"]}
PEOPLE = {
    key: Person.model_validate(said, context=CONTEXT)
    for key, said in {
        "ada": {"name": "Ada", "channel": "phone"},
        "bob": {"name": "王庆"},
        "eve": {"name": "Eve", "channel": "phone"},
    }.items()
}
STEPS = (
    {"after": "5m", "schedule": "ops", "fallback": "managers"},
    {"after": "10m", "person": "eve"},
    {"after": "15m", "channel": "managers"},
)
GROUP = '{}:{alertname="Down"}'
TURNS = {"people": ["bob", "ada"], "start": "2026-01-05 09:00", "turn": "1d"}


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def policy(*steps: dict[str, Any], **changes: Any) -> Policy:
    """One of three steps, 5, 15 and 30 minutes after the start."""
    return Policy.model_validate({"steps": steps or STEPS, **changes}, context=CONTEXT)


def schedule(**changes: Any) -> Schedule:
    said = {"layers": [TURNS], "handover": "duty", **changes}
    return Schedule.model_validate(said, context=CONTEXT)


@dataclass
class House:
    """What a receiver has of it; made anew on the same store, it is a restart, or another one."""

    store: Store
    policies: Mapping[str, Policy] = field(default_factory=lambda: {"urgent": policy()})
    schedules: Mapping[str, Schedule] = field(default_factory=lambda: {"ops": schedule()})
    windows: Sequence[Window] = ()
    lives: Lives = field(default_factory=Lives)
    woken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.numbers: Metrics = metrics.create("1", ["ops"])
        self.planning = Planning(self.store, lambda: Rules(self.windows))
        self.intake = Intake(
            self.store,
            (Route(channels=("ops",)),),
            self.numbers,
            lambda _: None,
            quiet=self.planning.quiet,
            lives=self.lives,
        )
        self.escalation = Escalation(
            lambda: self.policies,
            lambda: Duty(self.schedules, PEOPLE, self.store),
            self.planning,
            self.store,
            self.numbers,
            parse,
            self.woken.extend,
        )

    async def hear(
        self,
        at: float,
        status: str = "firing",
        began: int = 0,
        *,
        group: str = GROUP,
        **labels: str,
    ) -> None:
        raw = body([alert("a", status, began, **labels)], groupKey=group)
        await self.intake.accept(raw, minute(at))

    async def tick(self, at: float) -> None:
        await self.escalation.once(minute(at))

    async def pass_by(self, since: float, until: float, step: float = 1) -> None:
        """Look each minute from one to another."""
        at = since
        while at <= until:
            await self.tick(at)
            at += step

    async def take(self, at: float, until: float | None = None, incident: int = 1) -> None:
        act = Act("acknowledge", "Ada", minute(at), None if until is None else minute(until))
        await self.store.handling.acknowledge(incident, act, Change("ada", "acknowledge"))

    async def hush(self, *, hushed: bool = True) -> None:
        opened = await self.store.open_episodes()
        standing = Standing("silenced", START, "x") if hushed else None
        await self.store.stand(dict.fromkeys((each.key for each in opened), standing))

    async def counted(self, name: str, **labels: str) -> float:
        return self.numbers.registry.get_sample_value(f"tocsin_{name}", labels) or 0


async def told(store: Store) -> list[tuple[str, float, str]]:
    """Return of each step the channel, the minute, and who was asked, in order."""
    said = []
    for notice in reversed(await store.notices(Asked(limit=500, pending=True))):
        for raw in await store.told_of(notice.incident or 0):
            act = parse(raw).act
            if act and act.verb == "escalate" and act.at == notice.accepted_at:
                said.append((notice.channel, (act.at - START) / timedelta(minutes=1), act.who))
    return said
