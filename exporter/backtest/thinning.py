"""Thins long series for a picture, so that no peak is lost.

A line of 150,000 points takes seconds to draw and shows no more than the extremes of each
column of the picture.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from exporter.model import FloatArray

_MOST = 1500
"""How many columns a picture has."""
_GAP = 8.0
"""A silence of so many usual steps interrupts a line."""


@dataclass(frozen=True, slots=True)
class Bins:
    """Rows, in the order of their times, cut into one bin for each column of a picture.

    `order` sorts rows, and `starts` has where in that order each bin begins. `breaks` are the
    bins that follow a gap: what the methods return has a NaN before each of them, and otherwise
    one entry for each bin, NaN where nothing is known. `times` has the times of these entries.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    breaks: NDArray[np.intp]
    times: FloatArray

    @classmethod
    def of(cls, times: FloatArray) -> Self:
        """Cut rows with these times."""
        order = np.argsort(times, kind="stable")
        starts = _starts(times[order])
        firsts = times[order][starts]
        steps = np.diff(firsts)
        breaks = np.flatnonzero(steps > _GAP * np.median(steps)) + 1 if steps.size else starts[:0]
        return cls(order, starts, breaks, np.insert(firsts, breaks, firsts[breaks]))

    @property
    def both(self) -> FloatArray:
        """The times of `extremes`."""
        return np.repeat(self.times, 2)

    def extremes(self, values: FloatArray) -> FloatArray:
        """Return the lowest and the highest of each bin, one after the other."""
        return np.column_stack((self.lowest(values), self.highest(values))).ravel()

    def lowest(self, values: FloatArray) -> FloatArray:
        """Return the lowest of each bin."""
        return self._broken(self._reduced(np.fmin, values))

    def highest(self, values: FloatArray) -> FloatArray:
        """Return the highest of each bin."""
        return self._broken(self._reduced(np.fmax, values))

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the mean of what is known of each bin."""
        known = self._reduced(np.add, np.isfinite(values).astype(float))
        total = self._reduced(np.add, np.nan_to_num(values))
        return self._broken(np.where(known > 0, total / np.maximum(known, 1), np.nan))

    def _reduced(self, how: np.ufunc, values: FloatArray) -> FloatArray:
        if not self.starts.size:
            return np.empty(0)
        reduced: FloatArray = how.reduceat(values[self.order], self.starts)
        return reduced

    def _broken(self, values: FloatArray) -> FloatArray:
        return np.insert(values, self.breaks, np.nan)


def _starts(times: FloatArray) -> NDArray[np.intp]:
    """Return where each column of time begins; of few rows, each is one."""
    if len(times) <= _MOST:
        return np.arange(len(times))
    edges = np.linspace(times[0], times[-1], _MOST, endpoint=False)
    # A column without rows begins where the next one does.
    return np.unique(np.searchsorted(times, edges))
