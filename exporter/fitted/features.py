"""A window of a series' values as a vector, and vectors on a scale of their own."""

from dataclasses import dataclass

import numpy as np

from exporter.fitted.contract import Arrays, array
from exporter.model import FloatArray

FEATURES = ("last", "mean", "scatter", "slope", "least", "most", "step", "roughness")
"""What a vector holds, in order; all but the slope, which is for each value, in the unit."""
_MAD = 1.4826
"""The normal distribution's standard deviation in median absolute deviations."""


def describe(windows: FloatArray) -> FloatArray:
    """Return shape (series, FEATURES) of windows of shape (series, length), oldest value first."""
    mean = windows.mean(axis=1)
    age = np.arange(windows.shape[1]) - (windows.shape[1] - 1) / 2
    steps = np.diff(windows, axis=1)
    return np.column_stack(
        (
            windows[:, -1],
            mean,
            windows.std(axis=1),
            (windows - mean[:, None]) @ age / (age @ age),
            windows.min(axis=1),
            windows.max(axis=1),
            steps[:, -1],
            np.abs(steps).mean(axis=1),
        )
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """The middle and the usual scatter of each feature, both of shape (features,)."""

    centre: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, vectors: FloatArray) -> "Scale":
        """Measure vectors of shape (n, features), robustly.

        Where more than half of a feature's values are one, the standard deviation stands in;
        where all are, a thousandth of their size does.
        """
        centre = np.median(vectors, axis=0)
        spread = _MAD * np.median(np.abs(vectors - centre), axis=0)
        spread = np.where(spread > 0, spread, vectors.std(axis=0))
        size = np.maximum(np.abs(centre) / 1000, 1e-9)
        return cls(centre, np.where(spread > 0, spread, size))

    @classmethod
    def load(cls, arrays: Arrays) -> "Scale":
        """Take arrays under the names of the fields."""
        shape = (len(FEATURES),)
        return cls(array(arrays, "centre", shape), array(arrays, "spread", shape))

    def arrays(self) -> Arrays:
        """Return the fields under their names."""
        return {"centre": self.centre, "spread": self.spread}

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Standardise; far out it goes on with the logarithm, so that no peak stretches all."""
        return np.arcsinh((vectors - self.centre) / self.spread)
