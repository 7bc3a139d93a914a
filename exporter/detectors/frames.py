"""From values and times to frames: what is late, how far apart, where the past has ended."""

import numpy as np

from exporter.detectors.contract import RECENT, Floats, Frame, between
from exporter.model import BoolArray, FloatArray

WIDTH = RECENT + 2
VALUE = RECENT - 1
"""The field of the latest value."""
_COUNT = RECENT
_STEP = RECENT + 1
_GAP_STEPS = 100.0
"""A silence of more steps than this ends the past: what moved meanwhile nobody knows."""
_STEP_GAIN = 0.02

CLOCKS = 2
"""Times in seconds since 1970, in double precision: of the latest value and of the first."""
LAST, BORN = range(CLOCKS)


def late(clocks: FloatArray, state: Floats, times: FloatArray) -> BoolArray | None:
    """Tell values that are not newer than their series' latest; None where all are.

    A clock that was set back further than a gap is believed: waiting for it to catch up
    would be worse than starting again.
    """
    newer = times > clocks[LAST]
    if newer.all():
        return None
    back = clocks[LAST] - times
    known: BoolArray = state[_COUNT] > 0
    known &= ~newer & (back <= _GAP_STEPS * np.maximum(state[_STEP], 1.0))
    return known


def begin(clocks: FloatArray, state: Floats, values: Floats, times: FloatArray) -> Frame:
    """Make the frame of values none of which is late; writes the latest values and times."""
    recent, count = state[:RECENT], state[_COUNT]
    gap = (times - clocks[LAST]).astype(np.float32)
    youngest = float(count.min())
    step = _step(state[_STEP], count, gap, youngest)
    fresh = np.abs(gap) > _GAP_STEPS * np.maximum(step, np.float32(1e-3))
    for row in range(1, RECENT):  # at once, numpy would copy all of it twice
        recent[row - 1] = recent[row]
    recent[-1] = values
    if youngest == 0:
        new = count == 0
        fresh |= new
        clocks[BORN, new] = times[new]
    if fresh.any():
        recent[:, fresh] = values[fresh]
    state[_STEP] = step
    clocks[LAST] = times
    return Frame(values, recent, count.copy(), step, fresh)


def end(state: Floats) -> None:
    """Count the value, once everybody has learned it."""
    state[_COUNT] += 1


def _step(step: Floats, count: Floats, gap: Floats, youngest: float) -> Floats:
    """Learn the usual time between values; a gap moves it by no more than half of itself."""
    if youngest >= 1 / _STEP_GAIN:
        moved = between(gap - step, step * np.float32(0.5))
        moved *= np.float32(_STEP_GAIN)
        moved += step
        return moved
    half = np.where(count > 1, step * np.float32(0.5), np.float32(np.inf))
    share = np.maximum(_STEP_GAIN, 1 / np.maximum(count, 1)).astype(np.float32)
    learned = step + share * between(gap - step, half)
    return np.where(count > 0, learned, np.float32(0))
