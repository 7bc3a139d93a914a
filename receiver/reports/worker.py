"""Tells reports when they are due: once, whoever notices first, and late ones that were missed."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from receiver.reports.due import Kind
from receiver.reports.post import body
from receiver.reports.reporting import Reporting
from receiver.store.again import again
from receiver.store.keeping import Letter
from receiver.store.outbox import Parse
from receiver.store.records import Webhook
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_PERIOD = 15.0


@dataclass(frozen=True, slots=True)
class Telling:
    """Looks again and again whether one is due; `reporting` is what is in force at the time.

    Of those that were missed only the newest is told. A kind that is configured for the first
    time begins with the next that is due.
    """

    reporting: Callable[[], Reporting]
    store: Store
    parse: Parse
    wake: Callable[[Iterable[str]], None]

    async def run(self) -> None:
        """Go on until cancelled."""
        await again(self.once, _PERIOD, "reports cannot be told", self.store.now)

    async def once(self, now: datetime) -> None:
        """Tell what is due; raises StoreUnavailableError."""
        reporting = self.reporting()
        plans = reporting.settings.sent()
        told = await self.store.reports.told() if plans else {}
        for kind, channels in plans.items():
            due = reporting.period(kind, now).end
            if kind not in told:
                await self.store.reports.begin(kind, due)
            elif told[kind] < due:
                await self._tell(reporting, kind, channels, now)

    async def _tell(
        self, reporting: Reporting, kind: Kind, channels: tuple[str, ...], now: datetime
    ) -> None:
        report = await reporting.report(kind, now)
        raw = body(report, reporting.zone, reporting.links)
        letter = Letter(Webhook(raw, self.parse(raw), now), channels)
        if await self.store.reports.tell(kind, report.period.end, letter, now):
            _LOG.info("the %s report is told to %s", kind, channels)
            self.wake(channels)
