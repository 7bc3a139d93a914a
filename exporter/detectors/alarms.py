"""From deviation and novelty to what people see: the score, alarms and their count."""

from dataclasses import dataclass

import numpy as np

from exporter.detectors.contract import Floats, IntArray
from exporter.model import BoolArray, FloatArray

WIDTH = 9
_HIGHS = slice(0, 2)
_WAITS = slice(2, 4)
TOTAL, _LOWER, _UPPER, _SCORED, _UP = range(4, WIDTH)
_REFRACTORY = (np.float32(100), np.float32(30))
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
    up = state[_UP].nonzero()[0]
    if len(up):
        above = _outside(state, clocks, evidence, times, up)
        lasts = above | (clocks[_ABOVE, up] + hold > times[up])
        raised[up[lasts]] = False
        clocks[_ABOVE, up[above]] = times[up[above]]
        state[_UP, up] = lasts
    begun = raised.nonzero()[0]
    if len(begun):
        _raise(state, clocks, evidence, times, begun)
    if not state[_SCORED].all():
        np.maximum(state[_SCORED], evidence.mature, out=state[_SCORED])
    return score


def _raise(
    state: Floats, clocks: FloatArray, evidence: Evidence, times: FloatArray, raised: IntArray
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
    total, active = state[TOTAL], np.zeros_like(state[TOTAL])
    up = state[_UP].nonzero()[0]
    if len(up):
        since = times[up] - clocks[_ABOVE, up]
        active[up] = (since < hold) | (since == 0)
    if not state[_SCORED].all():
        total = total.copy()
        silent = state[_SCORED] == 0
        total[silent] = np.nan
        active[silent] = np.nan
    return total, active


def _outside(
    state: Floats, clocks: FloatArray, evidence: Evidence, times: FloatArray, up: IntArray
) -> BoolArray:
    """Whether a value keeps the alarm up that is active; shape (up,)."""
    values = evidence.values[up]
    outside: BoolArray = (values < state[_LOWER, up]) | (values > state[_UPPER, up])
    outside &= times[up] - clocks[_ALARMED, up] < _LONGEST
    outside |= (evidence.deviation[up] >= 1) & evidence.mature[up]
    return outside


def _combined(state: Floats, evidence: Evidence) -> Floats:
    """Show novelty and deviation, each only where it stands above all of its last values."""
    novelty, deviation = evidence.novelty, evidence.deviation
    beyond = (deviation > 1).nonzero()[0]
    if len(beyond):
        deviation = deviation.copy()
        deviation[beyond] = 1 + _TOP - _TOP / deviation[beyond]
    if not evidence.mature.all():
        novelty, deviation = novelty * evidence.mature, deviation * evidence.mature
    shown = np.maximum(novelty, deviation)
    np.minimum(shown, _MOST_ECHOED, out=shown)
    shown *= _ECHO
    waits, highs = state[_WAITS], state[_HIGHS]
    waits -= 1
    np.copyto(highs, 0, where=waits == -1)
    news = (novelty > highs[0]).nonzero()[0]
    # a deviation that grows on is the same alarm
    higher = ((deviation > highs[1]) & (highs[1] < 1)).nonzero()[0]
    for kind, size, rows in ((0, novelty, news), (1, deviation, higher)):
        highs[kind, rows] = size[rows]
        waits[kind, rows] = np.maximum(waits[kind, rows], _REFRACTORY[kind])
        shown[rows] = np.maximum(shown[rows], size[rows])
    return shown
