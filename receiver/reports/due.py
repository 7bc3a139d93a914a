"""When reports are due, by clocks on the wall, and what time each is about (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from receiver.incidents.oncall.hours import instant

Kind = Literal["daily", "weekly"]
KINDS: tuple[Kind, ...] = ("daily", "weekly")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Times:
    """At which time of the day, and where `weekday` is one, only then: 0 is Monday."""

    at: time
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """From `begin` until `end`, at which its report is due; the one before it began at `before`.

    Where clocks are set meanwhile, the two are not of one length.
    """

    before: datetime
    begin: datetime
    end: datetime


def latest(times: Times, zone: ZoneInfo, now: datetime) -> Period:
    """Return the newest period that is over."""
    moments = _moments(times, zone, now)
    end, begin, before = next(moments), next(moments), next(moments)
    return Period(before, begin, end)


def _moments(times: Times, zone: ZoneInfo, now: datetime) -> Iterator[datetime]:
    """Yield when one was due, from the newest on."""
    day = now.astimezone(zone).date() + _DAY
    while True:
        if times.weekday in {None, day.weekday()}:
            moment = instant(datetime.combine(day, times.at), zone)
            if moment <= now:
                yield moment
        day -= _DAY
