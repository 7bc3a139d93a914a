"""From deviation and novelty to what people see: the score, alarms and their count."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.detectors.contract import Floats
from exporter.model import BoolArray, FloatArray

WIDTH = 9
_HIGHS = slice(0, 2)
_WAITS = slice(2, 4)
TOTAL, _LOWER, _UPPER, _SCORED, _UP = range(4, WIDTH)
_NOVELTY_REFRACTORY, _DEVIATION_REFRACTORY = np.float32(100), np.float32(30)
"""For how many values after a score only a higher one is shown in full."""
_ECHO = np.float32(0.3)
"""What is left of a score within the refractory, so that it keeps a small rank."""
_MOST_ECHOED = np.float32(0.84)
_TOP = np.float32(0.02)
"""How far above its line the deviation reaches: from there on only records rank higher."""
_LONGEST = 3600.0
"""Seconds for which a value that stays outside its band keeps an alarm up: then it is ordinary."""

CLOCKS = 2
_ABOVE, _ALARMED = range(CLOCKS)
"""Times: the latest value that kept the alarm up, and the one that raised it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to expose of each series; shape (series,), NaN where there is nothing to say yet."""

    score: FloatArray
    total: FloatArray
    active: FloatArray


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a value is judged by; arrays of shape (series,), sizes in units of the alarm line."""

    values: Floats
    deviation: Floats
    novelty: Floats
    lower: Floats
    upper: Floats
    mature: BoolArray
    """Where enough is known for a verdict."""


def judge(
    state: Floats, clocks: FloatArray, evidence: Evidence, times: FloatArray, hold: float
) -> Floats:
    """Return the score, shape (series,); updates state and clocks in place.

    An alarm is a score of 1 or more while none is active. It stays active until for `hold`
    seconds the deviation was below its line and the value back within the band that held
    when the alarm was raised.
    """
    score = _combined(state, evidence)
    up = state[_UP] > 0
    above = up & _outside(state, clocks, evidence, times)
    raised = (score >= 1) & ~above & ~(up & (clocks[_ABOVE] + hold > times))
    state[TOTAL] += raised
    np.copyto(state[_LOWER], evidence.lower, where=raised)
    np.copyto(state[_UPPER], evidence.upper, where=raised)
    np.copyto(clocks[_ALARMED], times, where=raised)
    np.copyto(clocks[_ABOVE], times, where=above | raised)
    state[_UP] = above | raised | (clocks[_ABOVE] + hold > times)
    np.maximum(state[_SCORED], evidence.mature, out=state[_SCORED])
    return score


def standing(
    state: Floats, clocks: FloatArray, times: FloatArray, hold: float
) -> tuple[Floats, Floats]:
    """Return alarms so far and whether one is active, NaN for a series never yet scored."""
    silent = state[_SCORED] == 0
    since = times - clocks[_ABOVE]
    active = (state[_UP] > 0) & ((since < hold) | (since == 0))
    gap = np.float32(np.nan)
    return np.where(silent, gap, state[TOTAL]), np.where(silent, gap, active)


def _outside(state: Floats, clocks: FloatArray, evidence: Evidence, times: FloatArray) -> BoolArray:
    """Whether a value keeps the alarm up that is active."""
    values = evidence.values
    outside: BoolArray = (values < state[_LOWER]) | (values > state[_UPPER])
    outside &= times - clocks[_ALARMED] < _LONGEST
    outside |= (evidence.deviation >= 1) & evidence.mature
    return outside


def _combined(state: Floats, evidence: Evidence) -> Floats:
    """Show novelty and deviation, each only where it stands above all of its last values."""
    deviation = evidence.deviation
    capped = np.where(deviation < 1, deviation, 1 + _TOP - _TOP / np.maximum(deviation, 1))
    sizes = np.stack((evidence.novelty, capped))
    sizes *= evidence.mature
    waits = state[_WAITS]
    highs = state[_HIGHS]
    waits -= 1
    highs *= waits >= 0
    np.maximum(waits, -1, out=waits)
    higher = sizes > highs
    higher[1] &= highs[1] < 1  # a deviation that grows on is the same alarm
    shown = np.where(higher, sizes, _ECHO * np.minimum(sizes, _MOST_ECHOED))
    np.copyto(highs, sizes, where=higher)
    refractory: NDArray[np.float32] = np.array([[_NOVELTY_REFRACTORY], [_DEVIATION_REFRACTORY]])
    np.copyto(waits, refractory, where=higher)
    result: Floats = np.maximum.reduce(shown, axis=0)
    return result
