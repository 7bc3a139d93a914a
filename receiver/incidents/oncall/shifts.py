"""Who is on call when several may be: what comes first in a list is what counts (pure)."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Literal, Protocol

Why = Literal["override", "calendar", "layer", "gap"]
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody's time on call, from `since` up to `until`, and why it is theirs.

    `person` is a key of the configuration's people, and empty in a gap, when it is nobody's.
    `number` is that of the layer, from 1 on, or of an override that was made by the API.
    """

    person: str
    since: datetime
    until: datetime
    why: Why
    number: int = 0

    def covers(self, at: datetime) -> bool:
        """Whether it is somebody's time then."""
        return self.since <= at < self.until


class Source(Protocol):
    """What says who is on call, unless another does that comes first."""

    def shifts(self, start: datetime, end: datetime) -> Iterable[Shift]:
        """Return what overlaps a time, whole and in order; of two at once the later one counts."""


def on_call(sources: Sequence[Source], at: datetime) -> Shift | None:
    """Return whose time it is, from when they took over until they hand over; None in a gap."""
    for number, source in enumerate(sources, 1):
        if found := _Row(source.shifts(at, at + _MOMENT)).at(at):
            every = _painted(sources[:number], found.since, found.until)  # no later one cuts it
            return next(shift for shift in every if shift.covers(at))
    return None


def shifts(sources: Sequence[Source], start: datetime, end: datetime) -> list[Shift]:
    """Return shifts and gaps, one after the other without a break, from `start` to `end`.

    The first shift begins when it does, and the last ends so; a gap at an end is cut there.
    """
    found = list(_painted(sources, start, end))
    for index, at in ((0, start), (-1, end - _MOMENT)):
        if found and found[index].why != "gap":
            found[index] = on_call(sources, at) or found[index]
    return found


def _painted(sources: Sequence[Source], start: datetime, end: datetime) -> Iterator[Shift]:
    """Yield who is on call, cut at both ends."""
    layers = [_Row(source.shifts(start, end)) for source in sources]
    edges = {at for row in layers for s in row.shifts for at in (s.since, s.until)}
    times = [start, *sorted(at for at in edges if start < at < end), end]
    last, begun = None, start
    for at in times[:-1]:
        here = next((found for row in layers if (found := row.at(at))), None)
        if at > start and here != last:
            yield _cut(last, begun, at)
            begun = at
        last = here
    if start < end:
        yield _cut(last, begun, end)


def _cut(shift: Shift | None, since: datetime, until: datetime) -> Shift:
    if shift is None:
        return Shift("", since, until, "gap")
    return replace(shift, since=since, until=until)


class _Row:
    """One source's shifts, to be found by time."""

    def __init__(self, shifts: Iterable[Shift]) -> None:
        self.shifts = list(shifts)
        self._begin = [shift.since for shift in self.shifts]
        self._ended = list(accumulate((shift.until for shift in self.shifts), max))

    def at(self, at: datetime) -> Shift | None:
        index = bisect_right(self._begin, at) - 1
        while index >= 0 and self._ended[index] > at:
            if self.shifts[index].covers(at):
                return self.shifts[index]
            index -= 1
        return None
