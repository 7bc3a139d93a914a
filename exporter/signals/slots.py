"""Which row of the state arrays belongs to which series."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exporter.model import FloatArray, SeriesKey

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Placement:
    """The row of each series, shape (series,), and those rows whose old state must be wiped."""

    rows: IntArray
    fresh: IntArray


class Held(NamedTuple):
    """Series that have a row, the row of each and for how many seconds it has been away."""

    keys: tuple[SeriesKey, ...]
    rows: IntArray
    away: FloatArray

    def part(self, start: int, end: int | None) -> "Held":
        """Return some of them."""
        return Held(self.keys[start:end], self.rows[start:end], self.away[start:end])


class Slots:
    """Gives rows to series and takes them back `ttl` seconds after a series was last there.

    A series that returns in time finds its state again. Where more than `capacity` series
    have come and gone, those that are away longest lose their rows first.
    """

    def __init__(self, capacity: int, ttl: float) -> None:
        self._ttl = ttl
        self._free = list(range(capacity - 1, -1, -1))
        self._rows: dict[SeriesKey, int] = {}  # those away longest stand first
        self._seen = np.zeros(capacity)
        self._keys: tuple[SeriesKey, ...] | None = None
        self._latest = np.zeros(0, np.intp)

    def __len__(self) -> int:
        return len(self._rows)

    def place(self, keys: tuple[SeriesKey, ...], now: float) -> Placement:
        """Find or make a row for each key; there may be at most `capacity` of them at once."""
        self._expire(now)
        fresh: list[int] = []
        if keys is not self._keys:
            known = [self._rows.pop(key, None) for key in keys]
            for key, row in zip(keys, known, strict=True):
                self._rows[key] = self._take(fresh) if row is None else row
            self._keys = keys
            self._latest = np.array([self._rows[key] for key in keys], np.intp)
        self._seen[self._latest] = now
        return Placement(self._latest, np.array(fresh, np.intp))

    def held(self, now: float) -> Held:
        """Return all series that have a row, those away longest first."""
        rows = np.fromiter(self._rows.values(), np.intp, len(self._rows))
        return Held(tuple(self._rows), rows, now - self._seen[rows])

    def of_signal(self, signal: str) -> list[SeriesKey]:
        """Return the series of a signal that have a row."""
        return [key for key in self._rows if key.signal == signal]

    def row(self, key: SeriesKey) -> int:
        """Return the row of a series, -1 where it has none."""
        return self._rows.get(key, -1)

    def restore(self, keys: Sequence[SeriesKey], away: FloatArray, now: float) -> IntArray:
        """Give rows to series as if each had been there `away` seconds ago, longest first.

        Returns the rows, -1 for a series that is there already, would be forgotten, or finds
        no row free.
        """
        rows = np.full(len(keys), -1, np.intp)
        for place, (key, seconds) in enumerate(zip(keys, away.tolist(), strict=True)):
            if self._free and key not in self._rows and seconds <= self._ttl:
                rows[place] = self._rows[key] = self._free.pop()
                self._seen[rows[place]] = now - max(seconds, 0.0)
        return rows

    def _take(self, fresh: list[int]) -> int:
        row = self._free.pop() if self._free else self._rows.pop(next(iter(self._rows)))
        fresh.append(row)
        return row

    def _expire(self, now: float) -> None:
        while self._rows:
            key = next(iter(self._rows))
            row = self._rows[key]
            if now - self._seen[row] <= self._ttl:
                return
            del self._rows[key]
            self._free.append(row)
            self._keys = None
