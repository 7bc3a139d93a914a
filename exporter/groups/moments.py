"""Second moments of the members of many groups, forgotten at a pace, over common times only."""

import numpy as np
from numpy.typing import NDArray

from exporter.model import BoolArray

Floats = NDArray[np.float32]
PARTS = 3
_CROSS, _SQUARE, _TOGETHER = range(PARTS)
_TINY = np.float32(1e-9)


def learn(moments: Floats, values: Floats, present: BoolArray, gain: Floats) -> None:
    """Take values of shape (groups, members) into moments (PARTS, groups, members, members).

    An absent member must have the value 0. Beside the products stand the squares of each member
    over the times at which the other was there too, and how often that is: so a member that
    comes and goes does not look like one that has stopped to follow. `gain` is (groups,).
    """
    here = present.astype(np.float32)
    pace = gain[:, None, None]
    outer = (values, values * values, here)
    right = (values, here, here)
    moments *= 1 - pace
    for part in range(PARTS):
        moments[part] += (pace * outer[part][:, :, None]) * right[part][:, None, :]


def together(moments: Floats) -> Floats:
    """Return the share of the weight at which both were there, (groups, members, members)."""
    share: Floats = moments[_TOGETHER]
    return share


def correlations(moments: Floats) -> Floats:
    """Return each pair's correlation over the times at which both were there; 0 without any."""
    square = moments[_SQUARE]
    size = np.sqrt(square * square.transpose(0, 2, 1))
    result: Floats = np.divide(moments[_CROSS], size, out=np.zeros_like(size), where=size > _TINY)
    return result


def shrunk(moments: Floats, samples: Floats, present: BoolArray) -> Floats:
    """Return the correlation matrix, shrunk towards the identity, (groups, members, members).

    How far: the expected error of all correlations over their size (Ledoit and Wolf 2004, for
    correlations Schaefer and Strimmer 2005), with `samples` (groups,) values behind them. The
    products are divided by the members' own squares, whenever those were: that is positive
    definite whatever was missing. A member that is absent now is left out of the distribution,
    which is its marginal one: its row is that of the identity.
    """
    own = np.sqrt(np.einsum("gii->gi", moments[_SQUARE]))
    size = own[:, :, None] * own[:, None, :]
    matrix: Floats = np.divide(moments[_CROSS], size, out=np.zeros_like(size), where=size > _TINY)
    matrix *= present[:, :, None] & present[:, None, :]
    np.einsum("gii->gi", matrix)[...] = 0
    square = matrix * matrix
    pairs = (present[:, :, None] & present[:, None, :]).sum((1, 2)) - present.sum(1)
    total = square.sum((1, 2))
    error = pairs - 2 * total + (square * square).sum((1, 2))
    error /= np.maximum(samples, 1)
    shrinkage = np.clip(error / np.maximum(total, _TINY), LEAST_SHRINKAGE, 1)
    matrix *= (1 - shrinkage).astype(np.float32)[:, None, None]
    np.einsum("gii->gi", matrix)[...] = 1
    return matrix


LEAST_SHRINKAGE = 0.05
"""No direction is believed to have less than this variance, however alike two members are."""
