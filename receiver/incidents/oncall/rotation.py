"""People who take turns: each hands over to the next, always by the clock on the wall (pure)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from receiver.incidents.oncall.hours import Hours, instant, open_spans
from receiver.incidents.oncall.shifts import Shift


@dataclass(frozen=True, slots=True)
class Rotation:
    """One layer of a schedule; `start` is a local time, at which the first of `people` begins.

    A turn is counted on the wall clock: with one of a week, hand-overs stay at the hour of
    `start` when clocks are set, and that week has an hour more or less.
    """

    number: int
    people: Sequence[str]
    start: datetime
    turn: timedelta
    only: Sequence[Hours]
    zone: tzinfo

    def shifts(self, start: datetime, end: datetime) -> Iterator[Shift]:
        """Yield turns, or where there are hours each stretch of them within a turn."""
        index = max(0, self._turn_at(start))
        while (since := self._begins(index)) < end:
            person, until = self.people[index % len(self.people)], self._begins(index + 1)
            for begin, stop in open_spans(self.only, since, until, self.zone):
                if stop > start and begin < end:
                    yield Shift(person, begin, stop, "layer", self.number)
            index += 1

    def _begins(self, index: int) -> datetime:
        return instant(self.start + index * self.turn, self.zone)

    def _turn_at(self, at: datetime) -> int:
        """Return which turn it is; the first guess may be wrong by the hour that clocks are set."""
        index = (at.astimezone(self.zone).replace(tzinfo=None) - self.start) // self.turn
        while self._begins(index) > at:
            index -= 1
        while self._begins(index + 1) <= at:
            index += 1
        return index
