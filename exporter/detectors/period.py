"""A period of 3 to 20 values, found from the data: work that returns every few minutes.

For each lag the |differences| are summed up, those of long ago with less weight (the average
magnitude difference function, Ross et al. 1974). Where one lag's sum is far below what is
usual among all, the series repeats itself, and a value that differs from the one a period
before is measured in that lag's mean.
"""

import numpy as np

from exporter.detectors import tail
from exporter.detectors.contract import RECENT, Floats, Frame

_LAGS = RECENT - 1
_SHORTEST = 3
_DIFFERENCES = slice(0, _LAGS)
_TAIL = slice(_LAGS, _LAGS + tail.WIDTH)
WIDTH = _LAGS + tail.WIDTH
_AT_ONCE = 5
_WINDOW = 500.0
_KEPT = np.float32(1 - 1 / _WINDOW)
"""What a value leaves of the sums, once they are of a window's weight."""
_AFTER = 200.0
_CLEAR = np.float32(0.2)
"""How far below the mean of all lags one must be: a slope that is steady reaches .29."""


def score(frame: Frame, state: Floats, rate: Floats) -> Floats:
    """Return the difference from a period before in units of its alarm line; 0 without one.

    Learns as well, since all of it is at hand.
    """
    scores = np.zeros_like(frame.values)
    if frame.count.max() >= _AFTER:
        _judge(frame, state, rate, scores)
    kept: Floats | np.float32 = _KEPT
    if frame.youngest < _WINDOW:
        kept = np.where(frame.count < _WINDOW, np.float32(1), _KEPT)
    before = frame.recent[_LAGS - 1 :: -1]
    for lag in range(0, _LAGS, _AT_ONCE):  # what is in hand stays in the cache
        lags = slice(lag, lag + _AT_ONCE)
        change = frame.values - before[lags]
        np.abs(change, out=change)
        state[lags] *= kept
        state[lags] += change
    return scores


def _judge(frame: Frame, state: Floats, rate: Floats, scores: Floats) -> None:
    """Score the series that have a period, usually few, and learn their tails."""
    known = state[_DIFFERENCES]
    least = np.minimum.reduce(known[_SHORTEST - 1 :], axis=0)
    clear = least * np.float32(_LAGS) < _CLEAR * np.add.reduce(known, axis=0)
    rows = np.nonzero(clear & (frame.count >= _AFTER))[0]
    if not len(rows):
        return
    lag = np.argmin(known[_SHORTEST - 1 :, rows], axis=0) + _SHORTEST - 1
    weight = np.minimum(frame.count[rows], np.float32(_WINDOW))
    usual = np.maximum(known[lag, rows] / weight, np.abs(frame.values[rows]) * 1e-3 + 1e-30)
    difference = np.abs(frame.values[rows] - frame.recent[_LAGS - 1 - lag, rows])
    sizes = np.minimum(difference / usual, 1000).astype(np.float32)
    tails = np.ascontiguousarray(state[_TAIL, rows].T)
    tails[tails[:, 0] == 0] = tail.START
    scores[rows], lines = tail.weigh(tails, sizes, rate[rows])
    tail.learn(tails, sizes, lines)
    state[_TAIL, rows] = tails.T
