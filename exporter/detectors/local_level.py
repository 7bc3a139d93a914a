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
_MOST = 1000.0
"""The largest innovation. A flat line has no scatter, so a part of its size stands in for it."""


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
        """Return (value - level) / scatter, at most 1000 of either sign; 0 on a line still flat."""
        gap, scatter = _gap(state, values)
        standard = np.divide(gap, scatter, out=np.zeros_like(gap), where=scatter != 0)
        known = state[:, _COUNT] >= self.trust_after
        return np.where(known, np.clip(standard, -_MOST, _MOST), np.nan)

    def band(
        self, state: FloatArray, width: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the level, and the level plus and minus `width` scatters."""
        level = state[:, _LEVEL]
        reach = width * _scatter(state)
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

    A line that was always zero has no size either: its first move is its own measure.
    """
    gap = np.where(np.isfinite(values), values, np.nan) - state[:, _LEVEL]
    scatter = _scatter(state)
    return gap, np.where(scatter > 0, scatter, np.abs(gap) / _MOST)


def _scatter(state: FloatArray) -> FloatArray:
    return np.maximum(np.sqrt(state[:, _VARIANCE]), np.abs(state[:, _LEVEL]) / _MOST)
