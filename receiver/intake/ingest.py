"""Decides what is owed for a webhook, and commits it in one transaction."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Self

from receiver.incidents.lives import APART, Lives
from receiver.incidents.quiet.keeping import LOUD, Quiet, hide
from receiver.intake.room import Room
from receiver.intake.webhook import parse
from receiver.messages.route import Route, route
from receiver.metrics import Metrics
from receiver.model import REMINDER, Alert, Notification, Status
from receiver.store.records import FLAPPING, NO_ROUTE, Decision, Known, Webhook
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

WINDOW = timedelta(minutes=2)
"""Within it, a webhook that says the same again is a duplicate.

Longer than the replicas of an Alertmanager wait for each other (15 s for each that comes
before), and shorter than any sensible `repeat_interval`: releases before 0.32 do not say that
a webhook is a reminder, and theirs must go out too.
"""
MOST_UNDER_WAY = 64 * 2**20
"""Bytes of webhooks under way at most; past it, the sender is told to come again."""
_TOPIC, _HASH = 60, 12
"""Letters of a group's topic and of its hash, which make a name that people can read."""
_LARGE = 128 * 1024
"""Bytes; what is larger takes more than a few milliseconds to read."""


@dataclass(frozen=True, slots=True)
class Ears:
    """Channels that are told less, or more, than their routes say.

    The `deaf` are not told what somebody did; `stand_ins` take another's place, or are asked when
    nobody answers, and are told what is done and that it is over of which they told that it fires.
    Those `apart` hear of each group of an incident by itself, and `always` whatever routes say.
    """

    deaf: Collection[str] = ()
    stand_ins: Collection[str] = ()
    apart: Collection[str] = ()
    always: Collection[str] = ()

    def without(self, heard: Iterable[str]) -> Self:
        """Return the same where some have heard of an act, of another group of the incident."""
        more = (name for name in heard if name not in self.apart)
        return replace(self, deaf=frozenset((*self.deaf, *more)))


ALL_ALIKE = Ears()


def _loud(_: datetime) -> Quiet:
    return LOUD


def is_watchdog(alert: Alert) -> bool:
    """Whether it is the alert that always fires, to show that alerts arrive at all."""
    return alert.labels.get("alertname") == "Watchdog"


def decide(
    told: Notification,
    now: datetime,
    routes: Sequence[Route],
    known: Known,
    ears: Ears = ALL_ALIKE,
    quiet: Quiet = LOUD,
) -> Decision:
    """Say who is owed a message, or with a named reason why nobody is."""
    people = [alert for alert in told.alerts if not is_watchdog(alert)]
    if not people:
        return Decision((), "watchdog", incident=False)
    routed = _channels(people, routes, ears.deaf if told.act else ())
    channels = (*routed, *(name for name in ears.always if name not in routed))
    current = [alert for alert in people if not known.is_stale(alert)]
    left_out = _left_out(told, current)
    others = tuple(name for name in _also(told, ears) if name not in channels)
    if not channels and not others:
        return Decision((), NO_ROUTE, left_out)
    if _is_stale(told, people, current, known):
        return Decision(channels, "stale", left_out)
    if _is_duplicate(told, now, known):
        return Decision(channels, "duplicate", left_out)
    if not channels:  # whoever an escalation has called hears what becomes of it
        return Decision((), NO_ROUTE, left_out, stand_ins=others)
    decision = Decision(channels, "", left_out, stand_ins=others)
    return _hushed(decision, told, current, known, quiet)


def _also(told: Notification, ears: Ears) -> Iterable[str]:
    """Return who hears of it if they were told that it fires, though no route leads to them."""
    if told.act:
        return (name for name in ears.stand_ins if name not in ears.deaf)
    return ears.stand_ins if told.status is Status.RESOLVED else ()


def _hushed(
    decision: Decision, told: Notification, current: Sequence[Alert], known: Known, quiet: Quiet
) -> Decision:
    """Leave out what a window hides; where that is all that is new, hold everything."""
    hidden = hide(current, known, quiet, partial(_called, told))
    if told.act is not None:  # that somebody is at it is said of what flaps too
        hidden = hidden.without(FLAPPING)
    shown = hidden.shown(current)
    news = told.act is not None or any(map(known.is_news, shown))
    mutes = ((name, quiet.mutes(name, shown)) for name in decision.channels if quiet.hours)
    holds = {name: hold for name, hold in mutes if hold}
    if not hidden.by:
        late = _late(shown, known)
        return replace(decision, reminder=not news, late=late, holds=holds)
    by = next(iter(hidden.by.values()))
    decision = replace(decision, hidden=tuple(hidden.by), hidden_by=by)
    if shown and (news or not any(map(known.is_news, current))):
        return replace(decision, reminder=not news, late=_late(shown, known), holds=holds)
    holds = dict.fromkeys(decision.channels, by)
    return replace(decision, holds=holds, stand_ins=())


def _called(told: Notification) -> str:
    """Return what people call the group, with what makes it the only one."""
    return f"{told.topic[:_TOPIC]} {told.group_hash[:_HASH]}"


def _late(shown: Iterable[Alert], known: Known) -> tuple[str, ...]:
    """Name what fires and is told though it was hidden: the end of its window comes to the same."""
    if not known.hidden:
        return ()
    fires = (alert for alert in shown if alert.status is Status.FIRING)
    return tuple(a.fingerprint for a in fires if a.fingerprint in known.hidden)


def _is_stale(
    told: Notification, people: Sequence[Alert], current: Sequence[Alert], known: Known
) -> bool:
    """Whether all that it says is over; what somebody did is news as long as something fires."""
    if told.act:
        return not any(alert.status is Status.FIRING for alert in current)
    return len(current) < len(people) and not any(map(known.is_news, current))


def _channels(
    alerts: Iterable[Alert], routes: Sequence[Route], deaf: Collection[str]
) -> tuple[str, ...]:
    """Route each alert: who hears of one alert of a group hears of the group."""
    names = dict.fromkeys(name for a in alerts for name in route(routes, a.labels))
    return tuple(name for name in names if name not in deaf)


def _left_out(told: Notification, current: Sequence[Alert]) -> tuple[str, ...]:
    if len(current) == len(told.alerts):
        return ()
    kept = {alert.fingerprint for alert in current}
    return tuple(a.fingerprint for a in told.alerts if a.fingerprint not in kept)


def _is_duplicate(told: Notification, now: datetime, known: Known) -> bool:
    if told.reason == REMINDER or known.owed_at is None:
        return False
    return abs(now - known.owed_at) < WINDOW  # a clock that was set back must not stop reminders


@dataclass(frozen=True, slots=True)
class Intake:
    """Where webhooks enter; `wake` is told which channels have something to send.

    `quiet` says what keeps quiet at a time, and `lives` which alerts are one incident.
    """

    store: Store
    routes: Sequence[Route]
    metrics: Metrics
    wake: Callable[[Iterable[str]], None]
    ears: Ears = ALL_ALIKE
    quiet: Callable[[datetime], Quiet] = _loud
    lives: Lives = APART
    room: Room = field(default_factory=lambda: Room(MOST_UNDER_WAY))
    _one_large: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def accept(
        self, body: bytes, now: datetime, but: Collection[str] = (), also: Collection[str] = ()
    ) -> Decision:
        """Take a webhook; when this returns, it and what is owed for it are on disk.

        Of what somebody did all hear but some, who have heard, and others also. Raises ParseError
        and StoreUnavailableError; then nothing of it is kept.
        """
        ears = replace(self.ears, always=also) if also else self.ears
        ears = ears.without(but) if but else ears
        if len(body) < _LARGE:
            return await self._keep(body, parse(body), now, ears)
        async with self._one_large:  # read beside all else, and alone: it takes many times its size
            return await self._keep(body, await asyncio.to_thread(parse, body), now, ears)

    async def _keep(self, body: bytes, told: Notification, now: datetime, ears: Ears) -> Decision:
        quiet = self.quiet(now)
        choose = partial(decide, told, now, self.routes, ears=ears, quiet=quiet)
        beats = any(is_watchdog(a) and a.status is Status.FIRING for a in told.alerts)
        webhook = Webhook(body, told, now, beats)
        terms = self.lives.terms(told, quiet.depth)
        decision = await self.store.accept(webhook, choose, terms)
        if beats:
            self.metrics.watchdog.set(now.timestamp())
        self._count(told, decision)
        if decision.told:
            self.wake(decision.told)
        return decision

    def _count(self, told: Notification, decision: Decision) -> None:
        for status, count in Counter(alert.status for alert in told.alerts).items():
            self.metrics.alerts_received.labels(status.value).inc(count)
        for channel, hold in decision.holds.items():
            self.metrics.suppressed(channel, hold.reason)
        if decision.reason:
            self.metrics.notifications_suppressed.labels(decision.reason).inc()
            for channel in decision.channels:
                self.metrics.notifications.labels(channel, "suppressed").inc()
            _LOG.debug("%r of %s suppressed: %s", told.group_key, told.receiver, decision.reason)
