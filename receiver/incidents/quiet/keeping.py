"""What keeps quiet at one moment, and what that hides (pure)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from receiver.incidents.quiet.hours import Interval
from receiver.incidents.quiet.windows import Window
from receiver.messages.route import Route, route, taken
from receiver.model import Alert, Labels, Status
from receiver.settings import Duration, Section
from receiver.severity import severity_of
from receiver.store.records import (
    FLAPPING,
    LOOKED_AT,
    MAINTENANCE,
    MUTED,
    QUIET_HOURS,
    Hold,
    Known,
)


@dataclass(frozen=True, slots=True)
class Habits:
    """The names of hours in which a channel is told nothing, or nothing that is not critical."""

    mute_times: Sequence[str] = ()
    quiet_hours: Sequence[str] = ()


class Flapping(Section):
    """An alert that began so many `times` within a time flaps, until it is calm for another."""

    times: Annotated[int, Field(ge=4, le=20)] = 5
    within: Duration = 3600.0
    calm: Duration = 900.0


@dataclass(frozen=True, slots=True)
class Rules:
    """All that the configuration says of it; `zone` is the receiver's time zone."""

    windows: Sequence[Window] = ()
    hours: Mapping[str, Sequence[Interval]] = field(default_factory=dict)
    routes: Sequence[Route] = ()
    channels: Mapping[str, Habits] = field(default_factory=dict)
    zone: str = "UTC"
    flapping: Flapping | None = None


@dataclass(frozen=True, slots=True)
class Quiet:
    """`windows` are those that are open now, and `hours` the names of those that it is."""

    windows: Sequence[Window] = ()
    hours: frozenset[str] = frozenset()
    rules: Rules = field(default_factory=Rules)
    recent: datetime | None = None
    """Since when an alert flaps that began often enough."""

    @property
    def depth(self) -> int:
        """How many episodes of an alert must be looked at: that which begins is one more."""
        return self.rules.flapping.times - 1 if self.rules.flapping else LOOKED_AT

    def window(self, labels: Labels) -> Hold | None:
        """Return what keeps an alert with these labels from everybody, if something does."""
        found = next((window for window in self.windows if window.covers(labels)), None)
        return Hold(MAINTENANCE, found.name) if found else None

    def keeps(self, channel: str, labels: Labels) -> Hold | None:
        """Return what keeps such an alert from a channel, if something does."""
        return self.window(labels) or (self._hours(channel, labels) if self.hours else None)

    def mutes(self, channel: str, alerts: Iterable[Alert]) -> Hold | None:
        """Return what keeps a group from a channel: one alert that it may hear brings them all."""
        found: Hold | None = None
        for alert in alerts if self.hours else ():
            if channel in route(self.rules.routes, alert.labels):
                found = self._hours(channel, alert.labels)
                if found is None:
                    return None
        return found

    def _hours(self, channel: str, labels: Labels) -> Hold | None:
        habits = self.rules.channels.get(channel, Habits())
        if name := self._first(habits.mute_times):
            return Hold(MUTED, name)
        # Trouble that cannot wait does not wait, and nor does its end.
        if severity_of(labels).rank and (name := self._first(habits.quiet_hours)):
            return Hold(QUIET_HOURS, name)
        ways = [self._first(r.mute_times) for r in self._ways(channel, labels)]
        return Hold(MUTED, ways[0]) if ways and all(ways) else None

    def _ways(self, channel: str, labels: Labels) -> Iterator[Route]:
        """Yield the routes by which labels come to a channel."""
        yield from (r for r in taken(self.rules.routes, labels) if channel in r.channels)

    def _first(self, names: Iterable[str]) -> str:
        return next((name for name in names if name in self.hours), "")

    def goes_on(self, channel: str, hold: Hold) -> bool:
        """Whether what kept something from a channel still does."""
        if hold.reason == MAINTENANCE:
            return hold.name in {window.name for window in self.windows}
        habits = self.rules.channels.get(channel, Habits())
        if hold.reason == QUIET_HOURS:
            return hold.name in self.hours and hold.name in habits.quiet_hours
        ways = [r.mute_times for r in self.rules.routes if channel in r.channels]
        return hold.name in self.hours and any(hold.name in w for w in (habits.mute_times, *ways))


LOUD = Quiet()


@dataclass(frozen=True, slots=True)
class Hidden:
    """Alerts that nobody is told of: by fingerprint, with what hides each, windows first."""

    by: Mapping[str, Hold] = field(default_factory=dict)

    def without(self, reason: str) -> Self:
        """Return the same without what is hidden for a reason."""
        return type(self)({name: hold for name, hold in self.by.items() if hold.reason != reason})

    def shown(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Return the alerts that can be told."""
        return [alert for alert in alerts if alert.fingerprint not in self.by]


def hide(alerts: Iterable[Alert], known: Known, quiet: Quiet, group: Callable[[], str]) -> Hidden:
    """Say which alerts are hidden by a window, or as they flap; `group` says what theirs is called.

    That is what fires, and the end of what began hidden.

    Whoever was told that something fires is told that it is over, be there a window or not: they
    may be at work on it, and would take silence for trouble that lasts.
    """
    if not (quiet.windows or known.hidden or known.often):
        return Hidden()
    each = ((a.fingerprint, _hold(a, known, quiet, group)) for a in alerts)
    found = [(name, hold) for name, hold in each if hold is not None]
    return Hidden(dict(sorted(found, key=lambda pair: pair[1].reason == FLAPPING)))


def _hold(alert: Alert, known: Known, quiet: Quiet, group: Callable[[], str]) -> Hold | None:
    mark = known.hidden.get(alert.fingerprint)
    began = Hold.of(mark) if mark else None
    if alert.status is Status.RESOLVED:
        return began
    if hold := quiet.window(alert.labels):
        return hold
    if known.is_news(alert):
        return Hold(FLAPPING, group()) if _flaps(alert, known, quiet) else None
    return began if began and began.reason == FLAPPING else None


def _flaps(alert: Alert, known: Known, quiet: Quiet) -> bool:
    """Whether it begins once more, after it began often of late."""
    since = known.often.get(alert.fingerprint)
    return since is not None and quiet.recent is not None and since >= quiet.recent
