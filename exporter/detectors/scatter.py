"""The usual size of a view's innovations, and how large one is against it."""

import numpy as np

from exporter.detectors.contract import UNSURE, Floats, Frame

MOST = np.float32(1000.0)
"""The largest standardised innovation: a line that was always flat has no scatter at all."""
_WINDOW = 3000.0
_CLIP = np.float32(8.0)
_CLIP_AFTER = 50.0
_FLOOR = np.float32(1e-3)
"""A step under a thousandth of the value's own size is never news."""


def floor(frame: Frame) -> Floats:
    """Return the least scatter that is believed, for each series."""
    least: Floats = np.maximum(np.abs(frame.recent[-2]) * _FLOOR, np.float32(1e-30))
    return least


def standard(innovation: Floats, scatter: Floats) -> Floats:
    """Return |innovation| in scatters, at most MOST."""
    size: Floats = np.abs(innovation)
    size /= scatter
    np.minimum(size, MOST, out=size)
    return size


def clipped(frame: Frame, innovation: Floats, scatter: Floats, variance: Floats) -> Floats:
    """Return the innovation, no further from 0 than is believed of a single value.

    The first move of a series that never moved is believed: it has no other measure.
    """
    most = scatter * _CLIP
    still = variance == 0
    if still.any():
        most[still] = np.inf
    if frame.youngest < _CLIP_AFTER:
        most = np.where(frame.count < _CLIP_AFTER, np.float32(np.inf), most)
    return np.clip(innovation, -most, most)


def learn(frame: Frame, variance: Floats, clipped: Floats) -> None:
    """Move the variance, in place; its gain starts at the plain mean's and ends at its floor.

    The errors of the very first expectations say nothing of those to come.
    """
    change = clipped * clipped
    change -= variance
    if frame.youngest >= _WINDOW + UNSURE:
        change *= np.float32(1 / _WINDOW)
    else:
        known = np.maximum(frame.count + 1 - UNSURE, 0)
        share = np.maximum(1 / _WINDOW, 1 / np.maximum(known, 1)).astype(np.float32)
        change *= share
    variance += change
