"""From deviations to what people see: the score with its refractory, alarms and their count."""

from dataclasses import dataclass

import numpy as np

from exporter.model import FloatArray

WIDTH = 4
_HIGH, _WAIT, _ABOVE, _TOTAL = range(WIDTH)
_REFRACTORY = 30
"""For how many values after a score only a higher one is shown in full."""
_ECHO = 0.3
"""What is left of a score within the refractory, so that it keeps a small rank."""

START = (0.0, 0.0, -np.inf, np.nan)
"""The state of a new series: nothing emitted, never above its line, no count before a score."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to expose of each series; shape (series,), NaN where there is nothing to say yet."""

    score: FloatArray
    total: FloatArray
    active: FloatArray


def judge(state: FloatArray, deviation: FloatArray, now: float, hold: float) -> Verdict:
    """Judge deviations at `now`, in seconds; updates `state` of shape (series, WIDTH) in place.

    An alarm is a deviation of 1 or more while none is active; it stays active until the
    deviation has been below 1 for `hold` seconds. A missing deviation changes nothing.
    """
    score = _refract(state, deviation)
    scored = np.isfinite(deviation)
    state[:, _TOTAL] = np.where(scored, np.nan_to_num(state[:, _TOTAL]), state[:, _TOTAL])
    with np.errstate(invalid="ignore"):
        above = deviation >= 1
    state[:, _TOTAL] += above & (now - state[:, _ABOVE] >= hold)
    state[above, _ABOVE] = now
    lasting = above | (now - state[:, _ABOVE] < hold)
    total = state[:, _TOTAL].copy()
    return Verdict(score, total, np.where(np.isnan(total), np.nan, lasting))


def _refract(state: FloatArray, deviation: FloatArray) -> FloatArray:
    """Show a score only where it stands above everything of the last values."""
    scored = np.isfinite(deviation)
    waiting = state[:, _WAIT] > 0
    high = np.where(waiting, state[:, _HIGH], 0.0)
    wait = np.where(waiting, state[:, _WAIT] - 1, 0.0)
    with np.errstate(invalid="ignore"):
        higher = deviation > high
    shown = np.where(higher, deviation, _ECHO * np.minimum(deviation, 1.0))
    state[:, _HIGH] = np.where(scored, np.where(higher, deviation, high), state[:, _HIGH])
    state[:, _WAIT] = np.where(scored, np.where(higher, _REFRACTORY, wait), state[:, _WAIT])
    return shown
