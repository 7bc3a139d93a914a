"""When a model is due for its fit: pure decisions."""

from dataclasses import dataclass

import numpy as np

from exporter.fitted.windows import MOST_VECTORS, IntArray
from exporter.model import BoolArray, FloatArray

_LEAST_VECTORS, _LEAST_WINDOWS = 256, 8
"""Fewer teach too little: the first of what is ordinary, the second of how strange that gets."""
_DRIFT = 1.0
"""Standard deviations by which the mean score of an hour may move before a model is too old."""
_SOONEST = 4
"""No model is fitted more often than this many times an `every`, whatever the reason."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of each pair of series and method; times in seconds on one clock."""

    kept: IntArray
    """How many vectors there are."""
    a_window: IntArray
    """How many of them are kept in a window's time."""
    fitted_at: FloatArray
    """NaN for never."""
    fitted_to: IntArray
    """How many vectors there were at the latest fit."""
    tried_at: FloatArray
    """When the latest fit began, whatever came of it; -inf for never."""
    drift: FloatArray

    @property
    def enough(self) -> BoolArray:
        """Whether there is enough to fit to."""
        least = np.maximum(_LEAST_VECTORS, _LEAST_WINDOWS * self.a_window)
        sufficient: BoolArray = self.kept >= least
        return sufficient


def due(standing: Standing, every: float, now: float) -> BoolArray:
    """Say which pairs should be fitted.

    That is: for the first time; after `every`; when its own score has drifted; or when a young
    history has doubled. A fit that failed is tried again after a quarter of `every`.
    """
    with np.errstate(invalid="ignore"):
        old = (now - standing.fitted_at >= every) | (np.abs(standing.drift) >= _DRIFT)
    known = np.minimum(standing.kept, MOST_VECTORS)
    doubled = known >= 2 * standing.fitted_to
    wanted = np.isnan(standing.fitted_at) | old | doubled
    rested = now - standing.tried_at >= every / _SOONEST
    return standing.enough & wanted & rested
