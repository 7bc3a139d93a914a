"""Records: how far a value goes beyond the extremes so far, in widths of what lies between.

The extremes leak towards the mean, so that a record of long ago does not hide one of today.
"""

import numpy as np

from exporter.detectors.contract import Floats, Frame

WIDTH = 3
_MEAN, _HIGH, _LOW = range(WIDTH)
_LEAK = np.float32(1e-4)
_MOST = np.float32(100.0)


def excess(state: Floats, values: Floats, floor: Floats | float) -> Floats:
    """Return how far values lie beyond the extremes, in widths; at most 100."""
    high, low = state[_HIGH], state[_LOW]
    beyond: Floats = np.maximum(values - high, low - values)
    np.maximum(beyond, 0, out=beyond)
    width = high - low
    np.maximum(width, floor, out=width)
    beyond /= width
    np.minimum(beyond, _MOST, out=beyond)
    return beyond


def learn(frame: Frame, state: Floats, values: Floats, *, leaking: bool) -> None:
    """Let the extremes leak by the clock, then take the values in."""
    mean, high, low = state
    if frame.youngest == 0:
        state[:, frame.count == 0] = values[frame.count == 0]
    if leaking:
        leak = _LEAK * frame.pace
        gain = leak
        if frame.youngest < 1 / _LEAK:
            gain = np.maximum(leak, 1 / (frame.count + 1))
        mean += (values - mean) * gain
        high -= (high - mean) * leak
        low += (mean - low) * leak
    np.maximum(high, values, out=high)
    np.minimum(low, values, out=low)
