"""Reminds of a silence that is about to end and still hides something: once for each end.

https://github.com/prometheus/alertmanager/issues/1639
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp

from receiver.incidents.quiet.letters import summary
from receiver.incidents.quiet.planning import Planning
from receiver.messages.route import route
from receiver.messages.words import SILENCE_ENDS
from receiver.metrics import Metrics
from receiver.model import Act, Alert
from receiver.store.keeping import Letter
from receiver.store.outbox import Parse
from receiver.store.records import Webhook
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.asking import AskError
from receiver.upstream.silences import Hidden, Silence, active, hidden

_LOG = logging.getLogger(__name__)

_IDLE = 15.0


@dataclass(frozen=True, slots=True)
class Reminder:
    """A silence, and what will be loud when it ends."""

    silence: Silence
    alerts: Sequence[Alert]

    @property
    def what(self) -> str:
        """The same as long as it ends at the same time."""
        return f"silence {self.silence.id} {self.silence.ends_at.isoformat()}"


def ending(silences: Iterable[Silence], now: datetime, before: timedelta) -> list[Silence]:
    """Return the silences of which somebody must be reminded now.

    Whoever made one that is no longer than the reminder comes early knows of it.
    """
    return [
        each
        for each in silences
        if now < each.ends_at <= now + before and each.ends_at - each.starts_at > before
    ]


def reminders(
    soon: Iterable[Silence], silences: Iterable[Silence], found: Iterable[Hidden]
) -> Iterator[Reminder]:
    """Say what each silence that ends soon hides, and no other hides for longer."""
    ends = {each.id: each.ends_at for each in silences}
    every = [(each.alert, each.by) for each in found]
    for silence in soon:
        alerts = [
            alert
            for alert, by in every
            if silence.id in by
            and max((ends[other] for other in by if other in ends), default=silence.ends_at)
            == silence.ends_at
        ]
        if alerts:
            yield Reminder(silence, alerts)


def body(reminder: Reminder, now: datetime, link: str) -> bytes:
    """Write the webhook that reminds."""
    silence = reminder.silence
    said = (silence.created_by, now, silence.ends_at, silence.comment)
    act = Act(SILENCE_ENDS, *said, whom=silence.id)
    return summary(act, reminder.what, [_write(alert) for alert in reminder.alerts], link)


def _write(alert: Alert) -> dict[str, object]:
    return {
        "fingerprint": alert.fingerprint,
        "status": "firing",
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": alert.starts_at.isoformat(),
        "generatorURL": alert.generator_url,
    }


@dataclass(slots=True)
class Reminding:
    """Asks Alertmanager for its silences; `told` is who that is at the time, if anybody."""

    told: Callable[[], Alertmanager | None]
    planning: Planning
    store: Store
    http: aiohttp.ClientSession
    metrics: Metrics
    parse: Parse
    wake: Callable[[Iterable[str]], None]
    loud: Callable[[], Iterable[str]]
    """The channels that take a message about several incidents."""

    async def run(self) -> None:
        """Go on until cancelled; an Alertmanager or a store that is away is asked again."""
        while True:
            told = self.told()
            if told is not None and told.silence_reminder:
                await self._try(told)
            await asyncio.sleep(told.interval if told else _IDLE)

    async def _try(self, told: Alertmanager) -> None:
        try:
            await self.once(told, self.store.now())
        except AskError as error:
            self.metrics.reconcile_failures.labels(error.reason).inc()
            _LOG.warning("Alertmanager cannot be asked which silences end: %s", error)
        except StoreUnavailableError as error:
            self.metrics.reconcile_failures.labels("store").inc()
            _LOG.warning("of silences that end nobody can be reminded: %s", error)

    async def once(self, told: Alertmanager, now: datetime) -> None:
        """Remind of what ends soon; raises AskError and StoreUnavailableError.

        The members of a cluster tell each other, so the first that answers is asked.
        """
        for last, url in enumerate(told.url, 1 - len(told.url)):
            try:
                await self._remind(told, url, now)
            except AskError:
                if not last:
                    raise
            else:
                return

    async def _remind(self, told: Alertmanager, url: str, now: datetime) -> None:
        silences = await active(self.http, told, url)
        soon = ending(silences, now, timedelta(seconds=told.silence_reminder))
        if not soon:
            return
        found = await hidden(self.http, told, url)
        names = await self.store.keeping.receivers()
        ours = [each for each in found if not names or each.receivers & names.keys()]
        due = {each.what: each for each in reminders(soon, silences, ours)}
        for what in due.keys() - await self.store.keeping.was_said(due):
            page = await self._page(url, max(names.values(), default=0))
            await self._tell(due[what], page, now)

    async def _page(self, url: str, newest: int) -> str:
        """Return where people open Alertmanager, as its newest webhook says."""
        said = await self.store.newest_of(newest) if newest else None
        return (said and said.external_url) or url

    async def _tell(self, reminder: Reminder, url: str, now: datetime) -> None:
        channels = self._channels(reminder, now)
        if not channels:
            return
        link = f"{url.rstrip('/')}/#/silences/{reminder.silence.id}"
        raw = body(reminder, now, link)
        letter = Letter(Webhook(raw, self.parse(raw), now), channels)
        if await self.store.keeping.say_once(reminder.what, letter, now):
            _LOG.info("reminded %s of %s", channels, reminder.what)
            self.wake(channels)

    def _channels(self, reminder: Reminder, now: datetime) -> list[str]:
        """Return who hears of some of these alerts, and may be told now."""
        quiet, loud = self.planning.quiet(now), {*self.loud()}
        hears: Mapping[str, None] = {
            name: None
            for alert in reminder.alerts
            for name in route(quiet.rules.routes, alert.labels)
            if name in loud and quiet.keeps(name, alert.labels) is None
        }
        return [*hears]
