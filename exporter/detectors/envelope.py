"""Records: how far a value goes beyond the extremes so far, in widths of what lies between.

The extremes leak towards the mean, so that a record of long ago does not hide one of today.
All views with records are worked on at once: arrays have shape (views, series).
"""

import numpy as np
from numpy.typing import NDArray

from exporter.detectors.contract import Floats, Frame, Span

WIDTH = 3
_MEAN, _HIGH, _LOW = range(WIDTH)
_LEAK = np.float32(1e-4)
_MOST = np.float32(100.0)


def beyond(state: Floats, values: Floats, out: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Write how far values lie beyond the extremes to `out`; return the places of those that do.

    `state` has shape (WIDTH, views, series).
    """
    np.subtract(values, state[_HIGH], out=out)
    np.maximum(out, state[_LOW] - values, out=out)
    np.maximum(out, 0, out=out)
    views, rows = np.divmod(np.flatnonzero(out > 0), out.shape[1])  # nonzero's plane is slow
    return views, rows


def excess(state: Floats, distance: Floats, floor: Floats) -> Floats:
    """Return distances beyond the extremes in widths, of at least `floor`; at most 100.

    `state` has shape (WIDTH, places), the others (places,).
    """
    width = np.maximum(state[_HIGH] - state[_LOW], floor)
    widths: Floats = np.minimum(distance / width, _MOST)
    return widths


def room(state: Floats, values: Floats, floor: Floats, line: Floats) -> tuple[Floats, Floats]:
    """Return how much further up, and down, values may go before their excess is `line`."""
    reach = state[_HIGH] - state[_LOW]
    np.maximum(reach, floor, out=reach)
    reach *= line
    return state[_HIGH] + reach - values, values - state[_LOW] + reach


def learn(frame: Frame, state: Floats, values: Floats, leaking: slice) -> None:
    """Let the extremes of the views in `leaking` leak by the clock, then take the values in."""
    if frame.youngest == 0:
        new = frame.count == 0
        state[:, :, new] = values[:, new]
    _leak(frame, state[:, leaking], values[leaking])
    np.maximum(state[_HIGH], values, out=state[_HIGH])
    np.minimum(state[_LOW], values, out=state[_LOW])


def widen(state: Floats, span: Span) -> None:
    """Take the extremes of some series in; `state` has shape (WIDTH, series)."""
    state[_HIGH, span.where] = np.maximum(state[_HIGH, span.where], span.high)
    state[_LOW, span.where] = np.minimum(state[_LOW, span.where], span.low)


def _leak(frame: Frame, state: Floats, values: Floats) -> None:
    """Move the mean towards the values, and the extremes towards the mean."""
    mean, high, low = state
    leak = frame.pace * _LEAK
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
