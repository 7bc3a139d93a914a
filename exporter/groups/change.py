"""Pairs that moved together for long and no longer do."""

from dataclasses import dataclass

import numpy as np

from exporter.groups import moments
from exporter.groups.moments import Floats
from exporter.model import BoolArray

_TOGETHER = np.float32(0.6)
"""A correlation from which on two members move together."""
_LONG_SAMPLES = 300.0
"""How many common values tell that two do."""
_SHORT_SHARE = 0.5
"""How much of the short window must be there."""
_MOST = np.float32(0.98)
"""A correlation beyond it is taken for it: its logarithm would have no bounds."""
_LARGEST = np.float32(4.0)
_LEAST_VARIANCE = np.float32(0.5)


@dataclass(frozen=True, slots=True)
class Windows:
    """Moments of the long and the short window, and how many values each has; (groups,)."""

    long: Floats
    short: Floats
    long_samples: Floats
    short_samples: Floats


@dataclass(frozen=True, slots=True)
class Loosened:
    """How far each pair's correlation has fallen, (groups, members, members), in its scatter."""

    pairs: Floats
    eligible: BoolArray
    """Pairs that moved together, with enough values to tell; each once, above the diagonal."""

    @property
    def loudest(self) -> tuple[Floats, np.ndarray[tuple[int], np.dtype[np.intp]]]:
        """Return the largest fall of each group, NaN without eligible pairs, and its place."""
        flat = np.where(self.eligible, self.pairs, -np.inf).reshape(len(self.pairs), -1)
        place = flat.argmax(1)
        largest = np.take_along_axis(flat, place[:, None], 1)[:, 0]
        return np.where(np.isfinite(largest), largest, np.float32(np.nan)), place


def loosened(windows: Windows, variances: Floats) -> Loosened:
    """Compare the windows by Fisher's z, whose error depends on the number of values alone.

    `variances` is what `learn` keeps of each pair: where values are correlated in time, or
    their tails are heavy, z scatters more than it should.
    """
    before, now = moments.correlations(windows.long), moments.correlations(windows.short)
    share = moments.together(windows.short)
    long_samples = moments.together(windows.long) * windows.long_samples[:, None, None]
    short_samples = share * windows.short_samples[:, None, None]
    eligible = (np.abs(before) >= _TOGETHER) & (long_samples >= _LONG_SAMPLES)
    eligible &= share >= _SHORT_SHARE
    eligible &= np.triu(np.ones(before.shape[1:], np.bool_), 1)
    error = 1 / np.maximum(long_samples - 3, 1) + 1 / np.maximum(short_samples - 3, 1)
    fall = _fisher(np.abs(before)) - _fisher(now * np.sign(before))
    fall /= np.sqrt(error * variances)
    return Loosened(fall, eligible)


def learn(variances: Floats, found: Loosened, gain: Floats) -> None:
    """Take the falls into the running variance of each pair, in place; what is large is cut."""
    size = np.clip(found.pairs, -_LARGEST, _LARGEST)
    pace = gain[:, None, None] * found.eligible
    variances *= 1 + pace * (size * size - 1)
    np.maximum(variances, _LEAST_VARIANCE, out=variances)


def _fisher(correlation: Floats) -> Floats:
    result: Floats = np.arctanh(np.clip(correlation, -_MOST, _MOST))
    return result
