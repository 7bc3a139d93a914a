"""A period of 3 to 20 values, found from the data: work that returns every few minutes.

For each lag the mean |difference| is learned (the average magnitude difference function,
Ross et al. 1974). Where one lag's is far below what is usual among all, the series repeats
itself, and a value that differs from the one a period before is measured in that lag's own.
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
    share = frame.share(_WINDOW)
    before = frame.recent[_LAGS - 1 :: -1]
    for lag in range(0, _LAGS, _AT_ONCE):  # what is in hand stays in the cache
        lags = slice(lag, lag + _AT_ONCE)
        known = state[lags]
        change = frame.values - before[lags]
        np.abs(change, out=change)
        change -= known
        change *= share
        known += change
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
    usual = np.maximum(known[lag, rows], np.abs(frame.values[rows]) * 1e-3 + 1e-30)
    difference = np.abs(frame.values[rows] - frame.recent[_LAGS - 1 - lag, rows])
    sizes = np.minimum(difference / usual, 1000).astype(np.float32)
    tails = np.ascontiguousarray(state[_TAIL, rows].T)
    tails[tails[:, 0] == 0] = tail.START
    scores[rows], lines = tail.weigh(tails, sizes, rate[rows])
    tail.learn(tails, sizes, lines)
    state[_TAIL, rows] = tails.T
