"""The latest values and scores of each series, for people to look at; not what scores come from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.model import BoolArray, FloatArray

FIELDS = ("value", "expected", "lower", "upper", "score", "active", "residual", "view")
DEPTH = 60
"""Ticks that are remembered: a quarter of an hour at the default interval."""
MOST_SERIES = 20_000
"""Rows that have a history, at 1.9 kB each; beyond, only the latest values are known."""
Floats = NDArray[np.float32]
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Recent:
    """The latest ticks, oldest first: `times` has shape (ticks,), in seconds since 1970.

    Each of FIELDS has an array of shape (ticks,), or (ticks, series) where many were asked for;
    NaN where the series was not there or had no score.
    """

    times: FloatArray
    fields: Mapping[str, Floats]


class Rings:
    """One place for each of the latest ticks, which all series share."""

    def __init__(self, capacity: int, depth: int = DEPTH, most: int = MOST_SERIES) -> None:
        self._series = min(capacity, most)
        self._depth = depth
        # Zeros that nobody has written cost no memory: the system gives pages as rows are used.
        self._ring = np.zeros((len(FIELDS), depth, self._series), np.float32)
        self._times = np.zeros(depth)
        self._born = np.zeros(self._series, np.int64)
        self._ticks = 0
        self._used = 0

    def keeps(self, row: int) -> bool:
        """Whether this row has a history."""
        return row < self._series

    def kept(self, rows: IntArray) -> BoolArray:
        """Tell the rows that have a history, shape (rows,)."""
        return rows < self._series

    def forget(self, rows: IntArray) -> None:
        """Let rows begin anew, for series that had none before."""
        self._born[rows[rows < self._series]] = self._ticks

    def note(self, rows: IntArray, now: float, fields: Mapping[str, FloatArray]) -> None:
        """Note one tick: each of FIELDS with an array of shape (series,) for `rows`."""
        place = self._ticks % self._depth
        kept = rows < self._series
        kept_rows = rows[kept]
        used = max(self._used, int(kept_rows.max(initial=-1)) + 1)
        self._ring[:, :, self._used : used] = np.nan  # a row may be known from before a restart
        self._used = used
        self._times[place] = now
        self._ring[:, place, : self._used] = np.nan
        with np.errstate(over="ignore"):  # beyond single precision is infinite, and shown as such
            for number, name in enumerate(FIELDS):
                self._ring[number, place, kept_rows] = fields[name][kept]
        self._ticks += 1

    def of(self, row: int) -> Recent:
        """Return the latest ticks of one series."""
        places = (
            self._places(int(self._born[row])) if self.keeps(row) else self._places(self._ticks)
        )
        values = self._ring[:, places, row] if len(places) else np.zeros((len(FIELDS), 0))
        return Recent(self._times[places], dict(zip(FIELDS, values, strict=True)))

    def of_all(self, rows: IntArray, names: tuple[str, ...]) -> Recent:
        """Return some fields of many series that have a history."""
        places = self._places(0)
        born = self._born[rows] > (self._ticks - len(places) + np.arange(len(places)))[:, None]
        fields = {}
        for name in names:
            part = self._ring[FIELDS.index(name)][np.ix_(places, rows)]
            part[born] = np.nan
            fields[name] = part
        return Recent(self._times[places], fields)

    def _places(self, born: int) -> IntArray:
        first = max(born, self._ticks - self._depth)
        return np.arange(first, self._ticks, dtype=np.intp) % self._depth
