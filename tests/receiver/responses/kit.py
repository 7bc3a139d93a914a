"""The part of a receiver that responds, on a real store, with a clock that tests move."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from receiver import metrics
from receiver.incidents.quiet.keeping import Rules
from receiver.incidents.quiet.planning import Planning
from receiver.incidents.quiet.windows import Window
from receiver.intake.ingest import Intake
from receiver.intake.webhook import parse
from receiver.messages.route import Route
from receiver.model import Language
from receiver.responses.alarms import Alarms
from receiver.responses.carrying import Carrier
from receiver.responses.engine import Engine
from receiver.responses.runbook import Runbook
from receiver.responses.settings import Responses
from receiver.responses.telling import Telling
from receiver.responses.witnesses import Witnesses
from receiver.store.run_records import Run, Step
from receiver.store.store import Store
from receiver.upstream.prometheus import Prometheus
from tests.receiver.webhooks import START, alert, body

TRUE, FALSE = "/usr/bin/true", "/usr/bin/false"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def command(*argv: str, **said: Any) -> dict[str, Any]:
    return {"action": "command", "argv": list(argv), **said}


def runbook(*steps: dict[str, Any], **changes: Any) -> Runbook:
    """One that acts by itself on any web server, and is verified once the alert is over."""
    guard = {"targets": [r"web-\d+"], "promotion": 0, **changes.pop("guard", {})}
    verify = {"within": "50ms", "every": "10ms", **changes.pop("verify", {})}
    said = {
        "name": "mend",
        "match": ['alertname="Down"'],
        "mode": "auto",
        "steps": list(steps) or [command(TRUE)],
        "guard": guard,
        "verify": verify,
    }
    return Runbook.model_validate({**said, **changes})


@dataclass
class House:
    """Made anew on the same store, it is a restart, or another receiver."""

    store: Store
    http: ClientSession
    runbooks: Mapping[str, Runbook] = field(default_factory=dict)
    settings: Responses = field(default_factory=lambda: Responses(allow_root=True))
    prometheus: Prometheus | None = None
    windows: tuple[Window, ...] = ()
    now: datetime = START

    def __post_init__(self) -> None:
        self.numbers = metrics.create("1", ["ops"])
        self.planning = Planning(self.store, lambda: Rules(self.windows))
        self.intake = Intake(self.store, (Route(channels=("ops",)),), self.numbers, lambda _: None)
        witnesses = Witnesses(
            self.http, self.store.runs, lambda: self.prometheus, lambda: None, self.clock
        )
        telling = Telling(self.store, self.hear, lambda: self.runbooks, lambda: Language.EN)
        self.carrier = Carrier(
            self.store.runs, self.numbers, witnesses, self.thrown, telling, self.clock
        )
        self.engine = Engine(
            lambda: self.runbooks,
            lambda: self.settings,
            self.carrier,
            Alarms(self.store, parse),
            self.planning,
            self.numbers,
            self.clock,
        )

    async def hear(self, body: bytes, now: datetime, also: Collection[str]) -> None:
        await self.intake.accept(body, now, also=also)

    def clock(self) -> datetime:
        return self.now

    async def thrown(self) -> str:
        switch = await self.store.runs.stops.switched()
        return self.settings.thrown or (switch[2] if switch else "")

    async def fire(self, *hosts: str, status: str = "firing", group: str = "g") -> None:
        alerts = [alert(host, status) for host in hosts]
        await self.intake.accept(body(alerts, groupKey=group), self.now)

    async def look(self, seconds: float = 0) -> list[Run]:
        """Look some time after the start, let what acts come to its end, and return all runs."""
        self.now = at(seconds)
        await self.engine.once(self.now)
        await self.engine.idle()
        return (await self.store.runs.page(before=None, limit=100))[::-1]

    async def steps(self, run: Run) -> list[Step]:
        return await self.store.runs.steps(run.id)

    async def told(self) -> list[str]:
        """What was said of responses, in order."""
        bodies = [await self.store.told_of(number, most=50) for number in (1, 2, 3)]
        said = [parse(each).act for some in bodies for each in some]
        return [act.detail for act in said if act][::-1]


def touch(path: Path) -> dict[str, Any]:
    return command("/usr/bin/touch", str(path))
