"""Records: how far a value goes beyond the extremes so far, in widths of what lies between.

The extremes leak towards the mean, so that a record of long ago does not hide one of today.
All views with records are worked on at once: arrays have shape (views, series).
"""

import numpy as np

from exporter.detectors.contract import Floats, Frame

WIDTH = 3
_MEAN, _HIGH, _LOW = range(WIDTH)
_LEAK = np.float32(1e-4)
_MOST = np.float32(100.0)


def excess(state: Floats, values: Floats, floor: Floats, out: Floats) -> None:
    """Write how far values lie beyond the extremes, in widths, at most 100, to `out`.

    `state` has shape (WIDTH, views, series); a width counts as at least `floor`.
    """
    high, low = state[_HIGH], state[_LOW]
    np.subtract(values, high, out=out)
    np.maximum(out, low - values, out=out)
    np.maximum(out, 0, out=out)
    width = high - low
    np.maximum(width, floor, out=width)
    out /= width
    np.minimum(out, _MOST, out=out)


def room(state: Floats, values: Floats, floor: Floats, line: Floats) -> tuple[Floats, Floats]:
    """Return how much further up, and down, values may go before their excess is `line`."""
    reach = state[_HIGH] - state[_LOW]
    np.maximum(reach, floor, out=reach)
    reach *= line
    return state[_HIGH] + reach - values, values - state[_LOW] + reach


def learn(frame: Frame, state: Floats, values: Floats, leaking: Floats) -> None:
    """Let the extremes leak by the clock, then take the values in.

    `leaking` has shape (views, 1): 1 for a view whose extremes leak, 0 for another.
    """
    mean, high, low = state
    if frame.youngest == 0:
        new = frame.count == 0
        state[:, :, new] = values[:, new]
    leak = leaking * (frame.pace * _LEAK)
    gain = leak
    if frame.youngest < 1 / _LEAK:
        gain = np.maximum(leak, 1 / (frame.count + 1))
    change = values - mean
    change *= gain
    mean += change
    np.subtract(high, mean, out=change)
    change *= leak
    high -= change
    np.subtract(mean, low, out=change)
    change *= leak
    low += change
    np.maximum(high, values, out=high)
    np.minimum(low, values, out=low)
