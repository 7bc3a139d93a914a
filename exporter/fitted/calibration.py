"""What a model's strangeness is on ordinary days: the measure for its line and for its drift."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.detectors import tail
from exporter.fitted.contract import Arrays, array
from exporter.model import FloatArray

_NUMBERS = ("level", "scatter", "moderate_mean", "moderate_scatter")
_MOST = 1e6
_MODERATE = 3.0
"""In scatters: how much one strange moment may say about drift."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Learned from vectors that the model had not seen when it scored them."""

    level: float
    """The median of the highest strangeness in a window's time."""
    scatter: float
    """Its usual distance from that."""
    moderate_mean: float
    """The mean of `moderate`, for vectors the model had not seen, ..."""
    moderate_scatter: float
    """... and their standard deviation."""
    tail: NDArray[Any]
    """The state of `detectors.tail`, shape (WIDTH,)."""

    @classmethod
    def load(cls, arrays: Arrays) -> "Calibration":
        """Take arrays under the names of the fields."""
        level, scatter, mean, spread = (float(array(arrays, name, ())) for name in _NUMBERS)
        if not scatter > 0:
            raise ValueError(f"scatter: {scatter} is not above 0")
        return cls(level, scatter, mean, spread, array(arrays, "tail", (tail.WIDTH,)))

    def arrays(self) -> Arrays:
        """Return the fields under their names."""
        return {name: np.asarray(getattr(self, name)) for name in (*_NUMBERS, "tail")}

    def size(self, strangeness: FloatArray | float) -> FloatArray:
        """Return how far above the ordinary, in scatters; 0 for what is below."""
        return np.clip((strangeness - self.level) / self.scatter, 0, _MOST)

    def move(self, strangeness: FloatArray | float) -> FloatArray:
        """Return the moderate size less its mean, in its scatter; its own mean is the drift."""
        return (self.moderate(strangeness) - self.moderate_mean) / self.moderate_scatter

    def moderate(self, strangeness: FloatArray | float) -> FloatArray:
        """Return the distance from the ordinary, either way, cut at 3 scatters."""
        return np.clip((strangeness - self.level) / self.scatter, -_MODERATE, _MODERATE)
