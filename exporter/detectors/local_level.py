"""Robust local level: how far a value is from where the series has been of late.

A Kalman filter of a random level (Harvey 1989, chapter 2) in its steady state, with
innovations clipped before they teach, so that an outlier moves neither level nor scatter
far (Cipra and Romera 1991).
"""

from typing import ClassVar

import numpy as np

from exporter.model import FloatArray
from exporter.settings import Section

_LEVEL, _VARIANCE, _COUNT = range(3)
_FLOOR = 1e-3
"""The least scatter, as a part of the series' own size: a flat line has none to measure with."""


class LocalLevel(Section):
    """The level follows a tenth of each innovation; the scatter is of the last `window` values."""

    width: ClassVar[int] = 3

    window: int = 3000
    gain: float = 0.1
    clip: float = 8.0
    clip_after: int = 50
    trust_after: int = 10
    """How many values it takes before a scatter means anything."""

    def innovation(self, state: FloatArray, values: FloatArray) -> FloatArray:
        """Return (value - level) / scatter, 0 on a line that is flat and stays so."""
        gap, scatter = _gap(state, values)
        standard = np.divide(gap, scatter, out=np.zeros_like(gap), where=scatter != 0)
        return np.where(state[:, _COUNT] >= self.trust_after, standard, np.nan)

    def band(
        self, state: FloatArray, width: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the level, and the level plus and minus `width` scatters."""
        level = state[:, _LEVEL]
        reach = width * _scatter(state, np.abs(level))
        return level, level - reach, level + reach

    def learn(self, state: FloatArray, values: FloatArray) -> None:
        """Move level and variance; their gains start at the plain mean's and end at their floor."""
        gap, scatter = _gap(state, values)
        count = np.nan_to_num(state[:, _COUNT])
        most = np.where(count >= self.clip_after, self.clip * scatter, np.inf)
        step = np.clip(np.nan_to_num(gap), -most, most)
        level = np.where(count > 0, state[:, _LEVEL], values)
        variance = np.nan_to_num(state[:, _VARIANCE])
        level = level + np.maximum(self.gain, 1 / (count + 1)) * step
        share = np.maximum(1 / self.window, 1 / np.maximum(count, 1))
        variance = variance + share * (step * step - variance)
        seen = np.isfinite(values)
        state[seen] = np.column_stack((level, variance, count + 1))[seen]


def _gap(state: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return value - level, NaN where either is missing, and the scatter to measure it with.

    The scatter's floor follows the larger of level and value: the first move away from a long
    zero is then a thousand scatters, not infinitely many.
    """
    gap = np.where(np.isfinite(values), values, np.nan) - state[:, _LEVEL]
    size = np.maximum(np.abs(state[:, _LEVEL]), np.abs(np.nan_to_num(values)))
    return gap, _scatter(state, size)


def _scatter(state: FloatArray, size: FloatArray) -> FloatArray:
    return np.maximum(np.sqrt(state[:, _VARIANCE]), _FLOOR * size)
