"""The hours of a week in which somebody is on call: `Mon-Fri 09:00-18:00` (pure)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_CLOCK = r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)"
_HOURS = re.compile(rf"(?:{_CLOCK})-(?:{_CLOCK})")
_DAY = timedelta(days=1)


def instant(local: datetime, zone: tzinfo) -> datetime:
    """Return when clocks show a time, in UTC.

    Of a time that they show twice it is the first; one that they skip counts as if they had not
    been set yet (RFC 5545, 3.3.5).
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` after midnight, for `lasting`, on some days of the week: 0 is Monday."""

    days: frozenset[int]
    start: timedelta
    lasting: timedelta
    text: str

    def spans(self, first: date, last: date, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
        """Yield the hours that begin on these days."""
        for number in range((last - first).days + 1):
            day = first + number * _DAY
            if day.weekday() in self.days:
                begins = datetime.combine(day, time()) + self.start
                yield instant(begins, zone), instant(begins + self.lasting, zone)

    def __str__(self) -> str:
        return self.text


def parse_hours(value: Any) -> Hours:
    """Read `Mon-Fri 09:00-18:00`, `Sat,Sun` or `22:00-06:00`: on each day, until the next."""
    text = str(value)
    *days, last = text.split(" ") if text else [""]
    found = _HOURS.fullmatch(last)
    named = days if found else [*days, last]
    if len(named) > 1:
        raise ValueError(_said(text))
    try:
        known = frozenset(_days(named[0])) if named else frozenset(range(7))
    except ValueError:
        raise ValueError(_said(text)) from None
    if not found:
        return Hours(known, timedelta(), _DAY, text)
    numbers = [int(number) for number in found.groups() if number is not None]
    begin, end = (timedelta(hours=h, minutes=m) for h, m in (numbers[:2], numbers[2:]))
    return Hours(known, begin, end - begin if end > begin else end - begin + _DAY, text)


def _said(text: str) -> str:
    return f"not hours: {text!r:.60}; write them like Mon-Fri 09:00-18:00, Sat,Sun or 22:00-06:00"


def _days(text: str) -> Iterator[int]:
    """Read `Mon-Fri` or `Sat,Sun`; a range may go over the week's end."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin = DAYS.index(first)
        end = DAYS.index(last or first) if last or "-" not in part else DAYS.index("")
        yield from ((begin + n) % 7 for n in range((end - begin) % 7 + 1))


HoursText = Annotated[Hours, BeforeValidator(parse_hours), PlainSerializer(str, return_type=str)]


def open_spans(
    hours: Sequence[Hours], since: datetime, until: datetime, zone: tzinfo
) -> Iterator[tuple[datetime, datetime]]:
    """Yield what is within hours between two times, in order; without hours all of it."""
    if not hours:
        yield from _within(since, until, since, until)
        return
    first, last = since.astimezone(zone).date() - _DAY, until.astimezone(zone).date()
    every = sorted(span for each in hours for span in each.spans(first, last, zone))
    begin, end = since, since
    for start, stop in every:
        if start > end:
            yield from _within(begin, end, since, until)
            begin = start
        end = max(end, stop)
    yield from _within(begin, end, since, until)


def _within(
    begin: datetime, end: datetime, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    begin, end = max(begin, since), min(end, until)
    if begin < end:
        yield begin, end
