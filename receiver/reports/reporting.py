"""Makes a report: looks into the store, asks Prometheus, and builds it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from aiohttp import ClientSession

from receiver.reports.build import build
from receiver.reports.due import Kind, Period, latest
from receiver.reports.facts import Facts, Report, Trace, Watched
from receiver.reports.settings import Reports, Signal
from receiver.store.store import Store
from receiver.upstream.asking import AskError
from receiver.upstream.prometheus import Prometheus, ask_range

_POINTS = 600
"""Points of a series, of both periods together."""
_AT_ONCE = 3
_SERIES = 200
"""Series of a signal that are measured."""
_FRESH = timedelta(minutes=1)
"""For so long a report is good: it goes through all incidents of the time."""
_MOST = 8


@dataclass(frozen=True, slots=True)
class Reporting:
    """What makes reports by the configuration in force; no `http` or no Prometheus, no signals."""

    store: Store
    settings: Reports
    zone: ZoneInfo
    http: ClientSession | None = None
    prometheus: Prometheus | None = None
    links: str = ""
    """Where links in messages lead to."""
    _told: dict[tuple[Kind, Period], tuple[datetime, Report]] = field(default_factory=dict)

    def period(self, kind: Kind, now: datetime) -> Period:
        """Return what the newest report is about."""
        return latest(self.settings.times(kind), self.zone, now)

    async def report(self, kind: Kind, now: datetime) -> Report:
        """Return the newest, made anew where that is due; raises StoreUnavailableError."""
        period = self.period(kind, now)
        at, told = self._told.get((kind, period), (None, None))
        if told is None or at is None or not timedelta() <= now - at < _FRESH:
            told = await self._make(kind, period)
            self._told[kind, period] = now, told
            if len(self._told) > _MOST:
                del self._told[next(iter(self._told))]
        return told

    async def _make(self, kind: Kind, period: Period) -> Report:
        look = self.store.reviewing.look(period.before, period.begin, period.end)
        review, watched = await asyncio.gather(look, self._watch(period))
        return await asyncio.to_thread(build, Facts(kind, period, review, watched))

    async def _watch(self, period: Period) -> Sequence[Watched] | None:
        if self.http is None or self.prometheus is None:
            return None
        few = asyncio.Semaphore(_AT_ONCE)
        asked = (_ask(self.http, self.prometheus, s, period, few) for s in self.settings.signals)
        return await asyncio.gather(*asked)


async def _ask(
    http: ClientSession, told: Prometheus, signal: Signal, period: Period, few: asyncio.Semaphore
) -> Watched:
    """Ask for a signal over both periods, within the timeout of a question."""
    start, end = period.before.timestamp(), period.end.timestamp()
    step = max(60.0, (end - start) / _POINTS)
    try:
        async with few:
            found = await ask_range(http, told, signal.promql, start, end, step)
    except AskError as error:
        return Watched(signal.name, signal.unit, signal.full, failure=error.reason)
    traces = [Trace(s.labels, s.times, s.values) for s in found[:_SERIES]]
    return Watched(signal.name, signal.unit, signal.full, traces)
