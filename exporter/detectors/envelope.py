"""Records: how far a value goes beyond the extremes so far, in widths of what lies between.

The extremes leak towards the mean, so that a record of long ago does not hide one of today.
All views with records are worked on at once: arrays have shape (views, series).
"""

import numpy as np

from exporter.detectors.contract import Floats, Frame, IntArray, Span
from exporter.model import BoolArray

WIDTH = 3
_MEAN, _HIGH, _LOW = range(WIDTH)
_LEAK = np.float32(1e-4)
_MOST = np.float32(100.0)


def beyond(state: Floats, values: Floats) -> IntArray:
    """Return the series of which some view's value lies beyond its extremes, few as a rule.

    `state` has shape (WIDTH, views, series).
    """
    outside = values > state[_HIGH]
    outside |= values < state[_LOW]
    some: BoolArray = np.logical_or.reduce(outside, axis=0)
    return some.nonzero()[0]


def excess(state: Floats, values: Floats, floor: Floats) -> Floats:
    """Return how far values lie beyond the extremes in widths of at least `floor`; at most 100."""
    _, high, low = state
    distance = np.maximum(np.maximum(values - high, low - values), 0)
    widths: Floats = np.minimum(distance / np.maximum(high - low, floor), _MOST)
    return widths


def room(state: Floats, values: Floats, floor: Floats, line: Floats) -> tuple[Floats, Floats]:
    """Return how much further up, and down, values may go before their excess is `line`.

    A view that sees nothing at all says nothing of where the value may be.
    """
    reach = state[_HIGH] - state[_LOW]
    np.maximum(reach, floor, out=reach)
    reach *= line
    np.copyto(reach, np.inf, where=values == 0)
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
    mean, extremes = state[_MEAN], state[_HIGH:]
    leak = frame.pace * _LEAK
    gain = leak
    if frame.youngest < 1 / _LEAK:
        gain = np.maximum(leak, 1 / (frame.count + 1))
    change = values - mean
    change *= gain
    mean += change
    inwards = extremes - mean
    inwards *= leak
    extremes -= inwards
