"""A receiver's part that keeps quiet, on a simulated clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from receiver import metrics
from receiver.incidents.quiet.ending import Ending
from receiver.incidents.quiet.hours import Interval
from receiver.incidents.quiet.keeping import Flapping, Habits, Rules
from receiver.incidents.quiet.planning import Planning
from receiver.incidents.quiet.windows import Window
from receiver.intake.ingest import Intake
from receiver.intake.webhook import parse
from receiver.messages.route import Route
from receiver.metrics import Metrics
from receiver.model import Notification
from receiver.store.notices import Asked
from receiver.store.records import Line, Outcome
from receiver.store.store import Store
from tests.fakes.alerts import make_message
from tests.receiver.claiming import claim_all
from tests.receiver.webhooks import START, alert, body

MINUTE = timedelta(minutes=1)
ROUTES = (Route(channels=("ops", "mail")),)


def window(minutes: int = 60, name: str = "move", **changes: Any) -> Window:
    """One that is open from START on, for alerts of which the service is db."""
    said = {"name": name, "matchers": ['service="db"'], "start": START, "duration": f"{minutes}m"}
    return Window.model_validate(said | changes)


@dataclass
class House:
    """What a receiver has of it; made anew on the same store, it is a restart, or another one."""

    store: Store
    windows: Sequence[Window] = field(default_factory=tuple)
    routes: Sequence[Route] = ROUTES
    deaf: frozenset[str] = frozenset()
    hours: Mapping[str, Sequence[Interval]] = field(default_factory=dict)
    habits: Mapping[str, Habits] = field(default_factory=dict)
    flapping: Flapping | None = None
    woken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.numbers: Metrics = metrics.create("1", ["ops", "mail"])
        self.planning = Planning(
            self.store,
            lambda: Rules(
                self.windows, self.hours, self.routes, self.habits, flapping=self.flapping
            ),
        )
        self.intake = Intake(
            self.store, self.routes, self.numbers, self.woken.extend, quiet=self.planning.quiet
        )
        self.ending = Ending(
            self.planning, self.store, self.numbers, parse, self.woken.extend, lambda: self.deaf
        )

    async def hear(
        self, minute: float, *names: str, over: Sequence[str] = (), **changes: Any
    ) -> str:
        """Take in that these fire and those are over; returns the reasons for which it is held."""
        labels = {"service": "db", **changes.pop("labels", {})}
        alerts = [alert(name, **labels) for name in names]
        alerts += [alert(name, "resolved", **labels) for name in over]
        decision = await self.intake.accept(body(alerts, **changes), at(minute))
        return decision.reason or ",".join({hold.reason for hold in decision.holds.values()})

    async def flap(self, minute: float, status: str = "firing", name: str = "a") -> str:
        """Take in that an alert begins in this minute, or ends that began the minute before."""
        start = int(minute) - (status == "resolved")
        raw = body([alert(name, status, start, service="db")])
        decision = await self.intake.accept(raw, at(minute))
        return decision.reason or ",".join({hold.reason for hold in decision.holds.values()})

    async def tick(self, minute: float) -> None:
        await self.ending.once(at(minute))


def at(minute: float) -> datetime:
    return START + minute * MINUTE


async def told(store: Store, channel: str = "ops") -> list[Notification]:
    """Send all that a channel is owed; returns what each message says."""
    said: list[Notification] = []
    far = START + timedelta(days=400)
    while batch := await claim_all(store, channel, far, far):
        said += [each.notification for each in batch]
        done = [(each, Outcome("sent", message=make_message(str(each.id)))) for each in batch]
        await store.settle(Line(channel), done, far)
    return said


def names(said: Notification) -> list[str]:
    return [f"{each.fingerprint} {each.status}" for each in said.alerts]


async def suppressed(store: Store) -> list[tuple[str, str, str | None]]:
    """Return channel, reason, and what held it, the oldest first."""
    found = await store.notices(Asked("suppressed"))
    return [(each.channel, each.reason, each.held_by) for each in reversed(found)]
