"""Maintenance windows: when they are open, and which labels they cover (pure)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, model_validator

from receiver.channels.contract import TimeZone
from receiver.incidents.oncall.hours import instant
from receiver.incidents.oncall.schedule import Time
from receiver.incidents.quiet.recurrence import check_rule, occurrences
from receiver.settings import Duration, MatcherText, Section

_LONGEST = timedelta(days=366)
_DAY = timedelta(days=1)
_YEARS = range(2000, 2100)
"""Of starts: each day of a rule costs a little, and the last of all days has no tomorrow."""
_EVER = datetime.max.replace(tzinfo=UTC)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Spell:
    """A stretch of time, up to but without `ends`, in which a window is open, or is not."""

    begins: datetime
    ends: datetime
    is_open: bool


def _check_some(matchers: tuple[MatcherText, ...]) -> tuple[MatcherText, ...]:
    if not matchers:
        raise ValueError("is empty, which would cover everything; write at least one")
    return matchers


class Window(Section):
    """Keeps quiet what matches all matchers, from `start` on, each time that `rrule` says.

    `start` and `end` are times of the wall clock in its time zone, or points in time if they have
    an offset. A window ends when that clock has gone on by `duration`, so one from 22:00 for 8h
    ends at 06:00 also in the night in which clocks are set.
    """

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f/]+$")]
    matchers: Annotated[tuple[MatcherText, ...], AfterValidator(_check_some)]
    start: Time
    end: Time | None = None
    duration: Duration | None = None
    rrule: Annotated[str, AfterValidator(lambda text: text and check_rule(text))] = ""
    timezone: TimeZone | None = None
    comment: Annotated[str, Field(max_length=1000)] = ""
    _last: list[Spell] = PrivateAttr(default_factory=list)

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        if (self.end is None) == (self.duration is None):
            raise ValueError("write either end or duration")
        if self.start.year not in _YEARS:
            raise ValueError("starts before 2000 or after 2099; write another start")
        if not timedelta(0) < self._lasting <= _LONGEST:
            raise ValueError("ends before it starts, or lasts longer than 366d; correct it")
        return self

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone or "UTC")

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self._zone).replace(tzinfo=None) if at.tzinfo else at

    @property
    def _lasting(self) -> timedelta:
        if self.end is None:
            return timedelta(seconds=self.duration or 0)
        return self._local(self.end) - self._local(self.start)

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Whether all its matchers match, at whatever time."""
        return all(matcher.matches(labels) for matcher in self.matchers)

    def spell(self, at: datetime) -> Spell:
        """Return the stretch of time around `at`, at most two days long where it is not open.

        The last one is remembered: to follow a rule from its start takes milliseconds.
        """
        if not (self._last and self._last[0].begins <= at < self._last[0].ends):
            self._last[:] = [self._find(at)]
        return self._last[0]

    def _find(self, at: datetime) -> Spell:
        spans = sorted(self._spans(at))
        now = [(begin, end) for begin, end in spans if begin <= at < end]
        if now:
            return Spell(max(b for b, _ in now), max(e for _, e in now), is_open=True)
        over = (end for _, end in spans if end <= at)
        next_one = (begin for begin, _ in spans if begin > at)
        if not self.rrule:
            return Spell(max(over, default=_NEVER), min(next_one, default=_EVER), is_open=False)
        return Spell(max(over, default=at), min(next_one, default=at + _DAY), is_open=False)

    def _spans(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the times at which it is open, those around `at` among them."""
        here, lasting = self._local(at), self._lasting
        since, until = here - lasting - _DAY, here + 2 * _DAY  # clocks are set by less than a day
        start = self._local(self.start)
        for begin in occurrences(self.rrule, start, self._zone.key, since, until):
            begins, ends = instant(begin, self._zone), instant(begin + lasting, self._zone)
            # Where it would begin within the hour that clocks skip, and end right after.
            yield begins, ends if ends > begins else begins + lasting

    def opens(self, after: datetime) -> datetime | None:
        """Return when it opens next, if that is within a year."""
        here, start = self._local(after), self._local(self.start)
        soon = occurrences(self.rrule, start, self._zone.key, here - _DAY, here + _LONGEST)
        return next((at for each in soon if (at := instant(each, self._zone)) > after), None)

    def is_over(self, at: datetime) -> bool:
        """Whether it will never be open again, as far as that can be said at once."""
        return not self.rrule and not self.spell(at).is_open and self.spell(at).ends == _EVER


def _settle(windows: tuple[Window, ...], info: ValidationInfo) -> tuple[Window, ...]:
    """Refuse two of a name, and give each that names no time zone the receiver's."""
    names = [window.name for window in windows]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two windows are named {name!r:.80}; rename one of them")
    zone = {"timezone": info.data.get("timezone", "UTC")}
    return tuple(w if w.timezone else w.model_copy(update=zone) for w in windows)


Windows = Annotated[tuple[Window, ...], AfterValidator(_settle)]


def open_at(windows: Iterable[Window], at: datetime) -> list[Window]:
    """Return the windows that are open then."""
    return [window for window in windows if window.spell(at).is_open]


def covering(windows: Iterable[Window], labels: Mapping[str, str], at: datetime) -> Window | None:
    """Return the first window that is open then and covers these labels."""
    return next((window for window in open_at(windows, at) if window.covers(labels)), None)
