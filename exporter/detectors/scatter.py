"""The usual size of a view's innovations, and how large one is against it."""

import numpy as np

from exporter.detectors.contract import UNSURE, Floats, Frame
from exporter.model import BoolArray

MOST = np.float32(1000.0)
"""The largest standardised innovation: a line that was always flat has no scatter at all."""
_WINDOW = 3000.0
_CLIP = np.float32(8.0)
_CLIP_AFTER = 50.0
_GROWTH = (_CLIP**2 - 1) / np.float32(_WINDOW)
"""By what part one value may raise a variance, of young series too: a jump must not blow it up."""
_FLOOR = np.float32(1e-3)
"""A step under a thousandth of the value's own size is never news."""


def floor(frame: Frame) -> Floats:
    """Return the least scatter that is believed, for each series."""
    least: Floats = np.maximum(np.abs(frame.recent[-2]) * _FLOOR, np.float32(1e-30))
    return least


def standard(innovations: Floats, scatters: Floats, out: Floats) -> None:
    """Write |innovation| in scatters, at most MOST, to `out`; all of shape (views, series)."""
    np.abs(innovations, out=out)
    out /= scatters
    np.minimum(out, MOST, out=out)


def far(frame: Frame, sizes: Floats, variances: Floats) -> BoolArray:
    """Tell the standardised sizes that are beyond what is believed of a single value.

    The first move of a series that never moved is believed: it has no other measure.
    """
    beyond: BoolArray = sizes > _CLIP
    if beyond.any():
        beyond &= variances > 0
        beyond &= frame.count >= _CLIP_AFTER
    return beyond


def clip(innovations: Floats, scatters: Floats, far: BoolArray) -> None:
    """Cut those that are far to what is believed, in place."""
    if far.any():
        innovations[far] = np.copysign(scatters[far] * _CLIP, innovations[far])


def learn(frame: Frame, variances: Floats, clipped: Floats) -> None:
    """Move the variances, in place; its gain starts at the plain mean's and ends at its floor.

    The errors of the very first expectations say nothing of those to come.
    """
    change = clipped * clipped
    change -= variances
    if frame.youngest >= _WINDOW + UNSURE:
        change *= np.float32(1 / _WINDOW)
    else:
        known = np.maximum(frame.count + 1 - UNSURE, 1)
        change *= np.maximum(1 / _WINDOW, 1 / known).astype(np.float32)
        most = variances * _GROWTH
        most[(variances == 0) | (frame.count < _CLIP_AFTER)] = np.inf
        np.minimum(change, most, out=change)
    variances += change
