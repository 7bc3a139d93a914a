"""Tells what still fires once nothing keeps it quiet any longer: once, whoever notices first.

What is kept quiet is written down as it comes, and looked through here again and again; so a
restart, another receiver, a changed window and a clock that was set need nothing of their own.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from receiver.incidents.quiet.damping import Damping
from receiver.incidents.quiet.letters import RawAlert, firing, summary
from receiver.incidents.quiet.letters import again as again_about
from receiver.incidents.quiet.planning import Planning
from receiver.metrics import Metrics
from receiver.model import Act
from receiver.store.again import again
from receiver.store.held import Held
from receiver.store.keeping import Letter, Release
from receiver.store.outbox import Parse
from receiver.store.records import FLAPPING, MAINTENANCE, Hold, Webhook
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_PERIOD = 5.0
_MOST_BODIES = 10
"""Webhooks of an incident that are read for what its alerts are called."""

_Alerts = Mapping[str, RawAlert]
"""Alerts of an incident, as Alertmanager wrote them, by fingerprint."""
_Said = set[tuple[str, int, str]]
"""What was told now: channel, incident and fingerprint."""


@dataclass(frozen=True, slots=True)
class _Case:
    """An incident that some channels were kept from, its newest webhook, and what they must know.

    That is what fires, or where nothing does any longer, what is over.
    """

    incident: int
    channels: Sequence[str]
    document: Mapping[str, Any]
    alerts: _Alerts


@dataclass(slots=True)
class Ending:
    """Looks for what is over; `alone` are channels that take no message about several incidents."""

    planning: Planning
    store: Store
    metrics: Metrics
    parse: Parse
    wake: Callable[[Iterable[str]], None]
    alone: Callable[[], Collection[str]]

    @property
    def damping(self) -> Damping:
        """What tells of that which flaps."""
        return Damping(self.planning, self.store, self.parse, self.wake, self.alone())

    async def run(self) -> None:
        """Go on until cancelled."""
        trouble = "what was kept quiet cannot be looked through"
        await again(self.once, _PERIOD, trouble, self.store.now)

    async def once(self, now: datetime) -> None:
        """Tell what is to be told; raises StoreUnavailableError."""
        await self.planning.refresh(now)
        quiet = self.planning.quiet(now)
        is_open = {window.name for window in quiet.windows}
        self.metrics.maintenance_active.clear()
        for window in self.planning.windows:
            self.metrics.maintenance_active.labels(window.name).set(window.name in is_open)
        over: defaultdict[Hold, list[str]] = defaultdict(list)
        for channel, hold in await self.store.keeping.reasons():
            if hold.reason == FLAPPING or not quiet.goes_on(channel, hold):
                over[hold].append(channel)
        said: _Said = set()
        for hold, channels in over.items():
            if hold.reason == FLAPPING:
                await self.damping.look(hold, channels, now)
            else:
                await self._end(hold, channels, now, said)

    async def _end(self, hold: Hold, channels: Sequence[str], now: datetime, said: _Said) -> None:
        held = await self.store.keeping.held(hold, channels)
        by_incident: defaultdict[int, list[str]] = defaultdict(list)
        for each in held:
            by_incident[each.incident].append(each.channel)
        cases = [await self._case(i, names, hold) for i, names in by_incident.items()]
        release, told = await asyncio.to_thread(self._release, hold, held, cases, now, said)
        if not await self.store.keeping.release(release, now):
            return  # another receiver has
        said |= told
        for letter in release.letters:
            _LOG.info("%s %r is over, told to %s", hold.reason, hold.name, letter.channels)
            self.wake(letter.channels)

    async def _case(self, incident: int, channels: Sequence[str], hold: Hold) -> _Case:
        """Look up what fires of an incident and was kept quiet by this.

        Or that it is over, for those who were told before that it fires.
        """
        fires = await self.store.keeping.fires(incident)
        ends = not fires.is_open and hold.reason != MAINTENANCE  # whose ends are told at once
        bodies = await self.store.told_of(incident, _MOST_BODIES) if fires.prints or ends else []
        documents = await asyncio.to_thread(lambda: [orjson.loads(body) for body in bodies])
        if ends:
            over = {a["fingerprint"]: a for each in documents[:1] for a in each["alerts"]}
            knowing = [name for name in channels if name in fires.told]
            return _Case(incident, knowing, documents[0] if documents else {}, over)
        said = {a["fingerprint"]: a for each in reversed(documents) for a in each["alerts"]}
        window = self.planning.named(hold.name) if hold.reason == MAINTENANCE else None
        alerts = {
            name: firing(said[name])
            for name in sorted(fires.prints & said.keys())
            if window is None or window.covers(said[name]["labels"] or {})
        }
        return _Case(incident, channels, documents[0] if documents else {}, alerts)

    def _release(
        self, hold: Hold, held: Sequence[Held], cases: Sequence[_Case], now: datetime, said: _Said
    ) -> tuple[Release, _Said]:
        """Say for each channel what is told now, and what something else keeps quiet still."""
        quiet = self.planning.quiet(now)
        moved: dict[Held, None] = {}
        told: _Said = set()
        for case, channel in ((each, name) for each in cases for name in each.channels):
            for name, alert in case.alerts.items():
                if keeper := quiet.keeps(channel, alert["labels"] or {}):
                    moved[Held(case.incident, channel, keeper)] = None
                elif (channel, case.incident, name) not in said:
                    told.add((channel, case.incident, name))
        prints = {(incident, name) for _, incident, name in told}
        letters = self._letters(hold, {case.incident: case for case in cases}, told, now)
        return Release(held, tuple(moved), tuple(letters), prints), told

    def _letters(
        self, hold: Hold, cases: Mapping[int, _Case], told: _Said, now: datetime
    ) -> Iterator[Letter]:
        """Write one message for all channels that are told the same."""
        alike: defaultdict[frozenset[tuple[int, str]], list[str]] = defaultdict(list)
        for channel in sorted({channel for channel, _, _ in told}):
            mine = frozenset((incident, name) for to, incident, name in told if to == channel)
            alike[mine].append(channel)
        window = self.planning.named(hold.name) if hold.reason == MAINTENANCE else None
        act = Act(f"{hold.reason}-over", hold.name, now, detail=window.comment if window else "")
        for mine, channels in alike.items():
            alone = [name for name in channels if name in self.alone()]
            for incident in sorted({incident for incident, _ in mine} if alone else ()):
                alerts = [cases[i].alerts[name] for i, name in sorted(mine) if i == incident]
                body = again_about(cases[incident].document, alerts)
                yield Letter(self._webhook(body, now), alone, incident)
            if others := [name for name in channels if name not in alone]:
                alerts = [cases[i].alerts[name] for i, name in sorted(mine)]
                body = summary(act, f"{hold.reason}:{hold.name}:{now.isoformat()}", alerts)
                yield Letter(self._webhook(body, now), others)

    def _webhook(self, body: bytes, now: datetime) -> Webhook:
        return Webhook(body, self.parse(body), now)
