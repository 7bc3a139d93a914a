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


@dataclass(frozen=True, slots=True)
class Bins:
    """Rows, in the order of their times, cut into at most 1500 bins.

    `order` sorts rows, `starts` has where in that order each bin begins, and `times` that row's
    time. What the methods return has one entry for each bin, NaN where nothing is known.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    times: FloatArray

    @classmethod
    def of(cls, times: FloatArray) -> Self:
        """Cut rows with these times."""
        order = np.argsort(times, kind="stable")
        count = min(len(times), _MOST)
        starts = (np.arange(count) * len(times)) // max(count, 1)
        return cls(order, starts, times[order][starts])

    @property
    def both(self) -> FloatArray:
        """The times of `extremes`."""
        return np.repeat(self.times, 2)

    def extremes(self, values: FloatArray) -> FloatArray:
        """Return the lowest and the highest of each bin, one after the other."""
        return np.column_stack((self._reduced(np.fmin, values), self.highest(values))).ravel()

    def highest(self, values: FloatArray) -> FloatArray:
        """Return the highest of each bin."""
        return self._reduced(np.fmax, values)

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the mean of what is known of each bin."""
        known = self._reduced(np.add, np.isfinite(values).astype(float))
        total = self._reduced(np.add, np.nan_to_num(values))
        return np.where(known > 0, total / np.maximum(known, 1), np.nan)

    def _reduced(self, how: np.ufunc, values: FloatArray) -> FloatArray:
        if not self.starts.size:
            return np.empty(0)
        reduced: FloatArray = how.reduceat(values[self.order], self.starts)
        return reduced
