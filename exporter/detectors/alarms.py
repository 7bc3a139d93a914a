"""From deviation and novelty to what people see: the score, alarms and their count."""

from dataclasses import dataclass

import numpy as np

from exporter.detectors.contract import Floats
from exporter.model import BoolArray, FloatArray

WIDTH = 9
_HIGHS = slice(0, 2)
_WAITS = slice(2, 4)
TOTAL, _LOWER, _UPPER, _SCORED, _UP = range(4, WIDTH)
_REFRACTORY: Floats = np.array([[100], [30]], np.float32)
"""For how many values after a novelty, or a deviation, only a higher one is shown in full."""
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
    expected: Floats
    lower: Floats
    upper: Floats
    mature: BoolArray
    """Where enough is known for a verdict."""


def judge(
    state: Floats, clocks: FloatArray, evidence: Evidence, times: FloatArray, hold: float
) -> Floats:
    """Return the score, shape (series,); updates state and clocks in place.

    An alarm is a score of 1 or more while none is active. It stays active until for `hold`
    seconds the deviation was below its line and the value back within the band that held when
    the alarm was raised, or halfway to what was expected then.
    """
    score = _combined(state, evidence)
    raised = score >= 1
    up = state[_UP] > 0
    if up.any():
        above = up & _outside(state, clocks, evidence, times)
        raised &= ~above & ~(up & (clocks[_ABOVE] + hold > times))
        clocks[_ABOVE, above] = times[above]
        state[_UP] = above | (up & (clocks[_ABOVE] + hold > times))
    if raised.any():
        _raise(state, clocks, evidence, times, raised)
    if not state[_SCORED].all():
        np.maximum(state[_SCORED], evidence.mature, out=state[_SCORED])
    return score


def _raise(
    state: Floats, clocks: FloatArray, evidence: Evidence, times: FloatArray, raised: BoolArray
) -> None:
    """Begin an alarm, and keep beyond what it lasts, on the side of the value alone.

    The band of a moment says little of a series that moves: the way back tells more.
    """
    values, half = evidence.values[raised], evidence.expected[raised]
    half = half + (values - half) * np.float32(0.5)
    lower, upper = evidence.lower[raised], evidence.upper[raised]
    state[TOTAL, raised] += 1
    state[_LOWER, raised] = np.where(values < lower, np.minimum(lower, half), -np.inf)
    state[_UPPER, raised] = np.where(values > upper, np.maximum(upper, half), np.inf)
    state[_UP, raised] = 1
    clocks[:, raised] = times[raised]


def standing(
    state: Floats, clocks: FloatArray, times: FloatArray, hold: float
) -> tuple[Floats, Floats]:
    """Return alarms so far and whether one is active, NaN for a series never yet scored."""
    total = state[TOTAL].copy()
    active = np.zeros_like(total)
    up = state[_UP] > 0
    if up.any():
        since = times - clocks[_ABOVE]
        active += up & ((since < hold) | (since == 0))
    if not state[_SCORED].all():
        silent = state[_SCORED] == 0
        total[silent] = np.nan
        active[silent] = np.nan
    return total, active


def _outside(state: Floats, clocks: FloatArray, evidence: Evidence, times: FloatArray) -> BoolArray:
    """Whether a value keeps the alarm up that is active."""
    values = evidence.values
    outside: BoolArray = (values < state[_LOWER]) | (values > state[_UPPER])
    outside &= times - clocks[_ALARMED] < _LONGEST
    outside |= (evidence.deviation >= 1) & evidence.mature
    return outside


def _combined(state: Floats, evidence: Evidence) -> Floats:
    """Show novelty and deviation, each only where it stands above all of its last values."""
    sizes = np.empty((2, len(evidence.values)), np.float32)
    sizes[0] = evidence.novelty
    above = _TOP / np.maximum(evidence.deviation, 1)
    np.minimum(evidence.deviation, 1 + _TOP - above, out=sizes[1])
    if not evidence.mature.all():
        sizes *= evidence.mature
    waits, highs = state[_WAITS], state[_HIGHS]
    waits -= 1
    highs *= waits >= 0
    higher = sizes > highs
    higher[1] &= highs[1] < 1  # a deviation that grows on is the same alarm
    shown = sizes * higher
    np.maximum(highs, shown, out=highs)
    np.maximum(waits, higher * _REFRACTORY, out=waits)
    np.minimum(sizes, _MOST_ECHOED, out=sizes)
    sizes *= _ECHO
    np.maximum(shown, sizes, out=shown)
    result: Floats = np.maximum(shown[0], shown[1])
    return result
