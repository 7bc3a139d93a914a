"""Everything accepted is delivered, dead-lettered, or suppressed with a named reason.

Random sequences of webhooks, crashes, jumps of the clock, and channels that are slow, refuse,
throttle or fail, against the real store and workers; only the clock and the network are played.
"""

import asyncio
import re
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar
from unittest.mock import patch

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import PrivateAttr

from receiver import metrics
from receiver.channels.contract import Channel, Format
from receiver.delivery.sending import Outlet
from receiver.delivery.worker import Ties, Worker
from receiver.incidents.lives import Lives
from receiver.intake.ingest import Intake
from receiver.intake.webhook import parse
from receiver.messages.render import Style
from receiver.messages.route import Route
from receiver.model import Language, Message, SendError
from receiver.store import bodies
from receiver.store.schema import deliveries, webhooks
from receiver.store.store import Store
from tests.receiver.delivery.kit import rows
from tests.receiver.webhooks import START, alert, body

Mood = Literal["well", "fails", "throttles", "refuses", "dies before", "dies after"]
MOODS: tuple[Mood, ...] = ("well", "fails", "throttles", "refuses", "dies before", "dies after")
ROUTED = ("ops", "chat")
_Result = TypeVar("_Result")


class _KilledError(BaseException):
    """What a kill -9 is: nothing catches it, and nothing after it happens."""


class Moody(Channel):
    """Does what its mood says; what people saw is in `_seen`."""

    format: Format = "text"  # type: ignore[misc]  # a class variable of the contract
    type: str = "moody"
    _mood: Mood = PrivateAttr(default="well")
    _seen: list[Message] = PrivateAttr(default_factory=list)

    async def send(self, message: Message, http: ClientSession) -> None:  # noqa: ARG002 -- the contract's
        if self._mood == "fails":
            raise SendError("timeout", "no answer")
        if self._mood == "throttles":
            raise SendError("throttled", "too fast", retry_after=600)
        if self._mood == "refuses":
            raise SendError("rejected", "not this", permanent=True)
        if self._mood == "dies before":
            raise _KilledError
        self._seen.append(message)
        if self._mood == "dies after":
            raise _KilledError


class Life(RuleBasedStateMachine):
    """A receiver with a paced channel that has a fallback, and one without."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.now = START
        self.minute = 0
        self.firing: dict[int, int] = {}
        self.accepted = 0
        self.last: bytes | None = None
        self.crashes = 0
        self.channels = {
            "ops": Moody(type="moody", pace="20/1m", fallback="mail"),
            "chat": Moody(type="moody", pace="1/1s"),
            "mail": Moody(type="moody"),
        }
        self.clock = patch("receiver.store.store.utc_now", lambda: self.now)
        self.clock.start()
        self.do(self.start())

    def do(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self.runner.run(work)

    async def start(self) -> None:
        self.store = await Store.open(Path(self.folder.name) / "tocsin.db", parse)
        numbers = metrics.create("test", self.channels)
        routes = (Route(channels=ROUTED),)
        self.intake = Intake(self.store, routes, numbers, lambda _: None, lives=Lives())
        style = Style("text", Language.EN, "UTC")
        http: Any = None
        ties = Ties(self.store, http, numbers, lambda _: None, lambda _: None)
        self.workers = [Worker(Outlet(n, c, style), ties) for n, c in self.channels.items()]

    async def crash(self) -> None:
        """Come up again with what is on disk and nothing else."""
        await self.store.close()
        await self.start()

    async def accept(self, said: bytes) -> None:
        await self.intake.accept(said, self.now)
        self.accepted += 1
        self.last = said

    @rule(group=st.integers(0, 4), severity=st.sampled_from(["critical", "warning"]))
    def fires(self, group: int, severity: str) -> None:
        self.minute += 1
        self.firing[group] = self.minute
        told = alert(f"host-{group}-{self.minute}", minute=self.minute, severity=severity)
        self.do(self.accept(body([told], groupKey=str(group))))

    @rule(group=st.integers(0, 4))
    def resolves(self, group: int) -> None:
        if minute := self.firing.pop(group, 0):
            told = alert(f"host-{group}-{minute}", "resolved", minute=minute)
            self.do(self.accept(body([told], groupKey=str(group))))

    @precondition(lambda self: self.last is not None)
    @rule()
    def says_the_same_again(self) -> None:
        assert self.last is not None
        self.do(self.accept(self.last))

    @rule(count=st.integers(21, 60))
    def storms(self, count: int) -> None:
        for _ in range(count):
            self.minute += 1
            told = alert(f"storm-{self.minute}", minute=self.minute, severity="warning")
            self.do(self.accept(body([told], groupKey=f"storm-{self.minute}")))

    @rule(name=st.sampled_from(("ops", "chat", "mail")), mood=st.sampled_from(MOODS))
    def changes_mood(self, name: str, mood: Mood) -> None:
        self.channels[name]._mood = mood

    @rule(seconds=st.sampled_from([1, 5, 30, 300, 3600, -3600]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(steps=st.integers(1, 6))
    def works(self, steps: int) -> None:
        self.do(self.step(steps))

    async def step(self, steps: int) -> None:
        for _ in range(steps):
            for worker in tuple(self.workers):
                try:
                    await worker.step()
                except _KilledError:
                    self.crashes += 1
                    await self.crash()
                    return

    @rule()
    def is_killed(self) -> None:
        self.do(self.crash())

    @invariant()
    def every_webhook_has_a_fate_in_every_channel_it_is_for(self) -> None:
        found = self.do(rows(self.store, deliveries))
        fates = {(row.webhook, row.channel) for row in found}
        kept = self.do(rows(self.store, webhooks))
        assert len(kept) == self.accepted
        assert fates >= {(row.id, channel) for row in kept for channel in ROUTED}
        for row in found:
            assert row.state in {"owed", "sent", "suppressed", "dead"}
            assert row.reason or row.state in {"owed", "sent"}

    def teardown(self) -> None:
        try:
            self.do(self.settle_all())
            kept = self.do(rows(self.store, webhooks))
            self.check_what_people_saw(self.do(rows(self.store, deliveries)), kept)
        finally:
            self.do(self.store.close())
            self.runner.close()
            self.clock.stop()
            self.folder.cleanup()

    async def settle_all(self) -> None:
        """Mend all channels, and let a day and a half pass."""
        for channel in self.channels.values():
            channel._mood = "well"
        end = self.now + timedelta(hours=36)
        while self.now < end:
            await self.step(3)
            if all(row.state != "owed" for row in await rows(self.store, deliveries)):
                return
            self.now += timedelta(seconds=30 if self.now < end - timedelta(hours=34) else 1800)
        pytest.fail("something is still owed")

    def check_what_people_saw(self, found: list[Any], kept: list[Any]) -> None:
        """What counts as sent was told on its channel, by itself or within the one it names."""
        said = {row.id: parse(bodies.unpack([row.body])).alerts[0] for row in kept}
        byid = {row.id: row for row in found}
        seen = {name: [m.body for m in c._seen] for name, c in self.channels.items()}
        for row in found:
            carrier = byid.get(row.within, row)
            if row.state == "sent":
                assert carrier.state == "sent"
                assert carrier.title
                assert carrier.channel == row.channel
                assert carrier.body in seen[row.channel]
                host = said[row.webhook].labels["instance"]
                named = f"{carrier.title} {carrier.body}"
                assert host in named or re.search(r", and \d+ more", named)
            if row.reason == "fell_back":
                assert carrier.channel == "mail"
            if row.reason == "resolved_before_sent":
                assert carrier.id > row.id
        twice = sum(len(c._seen) for c in self.channels.values()) - sum(
            1 for row in found if row.title
        )
        assert twice <= self.crashes


class LongLife(Life):
    """The same, with the settings of a long run."""


def _lived(machine: type[Life], examples: int, steps: int) -> type:
    case: type = machine.TestCase
    case.settings = settings(  # type: ignore[attr-defined]  # hypothesis makes the class
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    return case


TestLife = _lived(Life, 8, 20)
TestLongLife = pytest.mark.long(_lived(LongLife, 120, 40))
