"""Which row of the state arrays belongs to which series."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.model import SeriesKey

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Placement:
    """The row of each series, shape (series,), and those rows whose old state must be wiped."""

    rows: IntArray
    fresh: IntArray


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
