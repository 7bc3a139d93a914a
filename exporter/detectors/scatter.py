"""The usual size of a view's innovations, and how large one is against it."""

import numpy as np

from exporter.detectors.contract import UNSURE, Floats, Frame, IntArray

MOST = np.float32(1000.0)
"""The largest standardised innovation: a line that was always flat has no scatter at all."""
_WINDOW = 3000.0
_CLIP = np.float32(8.0)
_CLIP_AFTER = 50.0
_GROWTH = (_CLIP**2 - 1) / np.float32(_WINDOW)
"""By what part one value may raise a variance, of young series too: a jump must not blow it up."""
_FLOOR = np.float32(1e-3)
"""A step under a thousandth of the value's own size is never news."""


def believed(frame: Frame, variances: Floats) -> Floats:
    """Return the scatters that are believed, none below a floor."""
    scatters: Floats = np.sqrt(variances)
    least = np.abs(frame.recent[-2])
    least *= _FLOOR
    np.maximum(least, np.float32(1e-30), out=least)
    np.maximum(scatters, least, out=scatters)
    return scatters


def standard(innovations: Floats, scatters: Floats) -> Floats:
    """Return |innovation| in scatters, at most MOST; all of shape (views, series)."""
    sizes: Floats = np.abs(innovations)
    sizes /= scatters
    np.minimum(sizes, MOST, out=sizes)
    return sizes


def far(frame: Frame, sizes: Floats, variances: Floats) -> tuple[IntArray, IntArray]:
    """Return where (view, series) sizes are beyond what is believed of a single value.

    The first move of a series that never moved is believed: it has no other measure.
    """
    beyond = (sizes > _CLIP).ravel().nonzero()[0]  # of a plane, nonzero is slow
    views, rows = np.divmod(beyond, sizes.shape[1])
    unbelieved = (variances[views, rows] > 0) & (frame.count[rows] >= _CLIP_AFTER)
    return views[unbelieved], rows[unbelieved]


def clip(innovations: Floats, scatters: Floats, far: tuple[IntArray, IntArray]) -> Floats:
    """Return innovations of which those that are far are cut to what is believed."""
    if not len(far[0]):
        return innovations
    clipped = innovations.copy()
    clipped[far] = np.copysign(scatters[far] * _CLIP, innovations[far])
    return clipped


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
