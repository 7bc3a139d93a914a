"""Series that are zero most of the time: their bursts are told apart by factors, not by sums."""

import numpy as np

from exporter.detectors.contract import Floats, Frame

WIDTH = 1
_ZEROS = 0
_MOST_OF_THE_TIME = np.float32(0.6)
_WINDOW = 3000.0


def compress(state: Floats, sizes: Floats) -> Floats:
    """Return twice the logarithm of 1 + size where the series is sparse, the size elsewhere.

    A scatter over mostly zeros is so small that every burst would be a thousand of them.
    """
    if state[_ZEROS].max() <= _MOST_OF_THE_TIME:
        return sizes
    sparse = state[_ZEROS] > _MOST_OF_THE_TIME
    return np.where(sparse, 2 * np.log1p(sizes), sizes)


def expand(state: Floats, lines: Floats) -> Floats:
    """Return, for a line on compressed sizes, the size it stands for."""
    if state[_ZEROS].max() <= _MOST_OF_THE_TIME:
        return lines
    sparse = state[_ZEROS] > _MOST_OF_THE_TIME
    return np.where(sparse, np.expm1(np.minimum(lines, 20) / 2), lines)


def learn(frame: Frame, state: Floats) -> None:
    """Move the share of zeros."""
    state[_ZEROS] += frame.share(_WINDOW) * ((frame.values == 0) - state[_ZEROS])
