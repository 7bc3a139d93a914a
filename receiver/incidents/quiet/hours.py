"""Named hours, written as Alertmanager's `time_intervals` (pure).

https://prometheus.io/docs/alerting/latest/configuration/#time_interval
"""

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)

from receiver.channels.contract import TimeZone
from receiver.settings import Section

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    *("", "january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


@dataclass(frozen=True, slots=True)
class Range:
    """From `first` to `last`, both included; `text` is how it was written."""

    first: int
    last: int
    text: str

    def __str__(self) -> str:
        return self.text


def _range(value: Any, names: Sequence[str], allowed: range, example: str) -> Range:
    """Read `friday`, `monday:friday`, `3` or `1:5`, within what is allowed."""
    text = str(value).lower()
    first, _, last = text.partition(":")
    try:
        ends = [names.index(e) if e in names and e else int(e) for e in (first, last or first)]
    except ValueError:
        ends = []
    if not ends or not all(end in allowed for end in ends):
        raise ValueError(f"cannot be read: {str(value)!r:.60}; write it like {example}")
    if ends[0] > ends[1] and (ends[0] < 0) == (ends[1] < 0):
        raise ValueError(f"begins after its end: {text!r}; write two ranges, as in {example}")
    return Range(ends[0], ends[1], str(value))


def _weekday(value: Any) -> Range:
    if any(part not in _DAYS for part in str(value).lower().split(":")):
        raise ValueError(f"not days of the week: {value!r:.60}; write them like monday:friday")
    return _range(value, _DAYS, range(7), "monday:friday")


def _day(value: Any) -> Range:
    found = _range(value, (), range(-31, 32), "1:7 or -3:-1")
    if not (found.first and found.last):
        raise ValueError("a month has no day 0; write it like 1:7 or -3:-1")
    return found


def _month(value: Any) -> Range:
    return _range(value, _MONTHS, range(1, 13), "january:march")


def _year(value: Any) -> Range:
    return _range(value, (), range(1970, 10_000), "2026:2028")


def _minutes(value: Any) -> int:
    """Read HH:MM; YAML takes an unquoted 22:00 for a number of base sixty."""
    text = f"{value // 60:02}:{value % 60:02}" if type(value) is int else str(value)
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"not a time of day: {str(value)!r:.20}; write it like '22:00' or '24:00'")
    return int(text[:2]) * 60 + int(text[3:])


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


Clock = Annotated[int, BeforeValidator(_minutes), PlainSerializer(_clock, return_type=str)]
_AS_TEXT = PlainSerializer(str, return_type=str)
Weekdays = Annotated[Range, BeforeValidator(_weekday), _AS_TEXT]
Days = Annotated[Range, BeforeValidator(_day), _AS_TEXT]
Months = Annotated[Range, BeforeValidator(_month), _AS_TEXT]
Years = Annotated[Range, BeforeValidator(_year), _AS_TEXT]


class Times(Section):
    """From one minute of the day up to another, without it."""

    start_time: Clock
    end_time: Clock

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.start_time >= self.end_time:
            remedy = "write two, up to 24:00 and from 00:00"
            raise ValueError(f"end_time is not after start_time; for a night {remedy}")
        return self


class Interval(Section):
    """Where everything that is named fits; without `location` by the receiver's time zone."""

    times: tuple[Times, ...] = ()
    weekdays: tuple[Weekdays, ...] = ()
    days_of_month: tuple[Days, ...] = ()
    months: tuple[Months, ...] = ()
    years: tuple[Years, ...] = ()
    location: TimeZone | None = None

    def covers(self, at: datetime) -> bool:
        """Whether a point in time is within."""
        here = at.astimezone(ZoneInfo(self.location or "UTC"))
        minute = here.hour * 60 + here.minute
        return (
            (not self.times or any(t.start_time <= minute < t.end_time for t in self.times))
            and _within(self.weekdays, here.isoweekday() % 7)
            and _within(self.months, here.month)
            and _within(self.years, here.year)
            and (not self.days_of_month or any(_on(here, days) for days in self.days_of_month))
        )


def _within(ranges: Sequence[Range], value: int) -> bool:
    return not ranges or any(each.first <= value <= each.last for each in ranges)


def _on(here: datetime, days: Range) -> bool:
    """Whether a day is among days of the month; those below 0 count from its end."""
    length = monthrange(here.year, here.month)[1]
    first, last = (end if end > 0 else length + 1 + end for end in (days.first, days.last))
    return first <= here.day <= last


def _settle(
    named: dict[str, tuple[Interval, ...]], info: ValidationInfo
) -> dict[str, tuple[Interval, ...]]:
    """Give each interval that names no location the receiver's time zone."""
    zone = {"location": info.data.get("timezone", "UTC")}
    return {
        name: tuple(i if i.location else i.model_copy(update=zone) for i in intervals)
        for name, intervals in named.items()
    }


Named = Annotated[
    dict[str, Annotated[tuple[Interval, ...], Field(min_length=1)]], AfterValidator(_settle)
]


def running(named: Mapping[str, Iterable[Interval]], at: datetime) -> frozenset[str]:
    """Return the names of the hours that it is now."""
    return frozenset(name for name, every in named.items() if any(i.covers(at) for i in every))
