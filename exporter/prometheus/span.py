"""Evenly spaced moments."""

from dataclasses import dataclass

import numpy as np

from exporter.model import FloatArray


@dataclass(frozen=True, slots=True)
class Span:
    """Evenly spaced moments, in seconds since 1970; `count` is at least 1."""

    start: float
    step: float
    count: int

    @property
    def times(self) -> FloatArray:
        """The moments, shape (count,)."""
        return self.start + self.step * np.arange(self.count, dtype=float)

    @property
    def end(self) -> float:
        """The last moment."""
        return self.start + self.step * (self.count - 1)
