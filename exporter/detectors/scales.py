"""Ratios in a scale of their own, in which their noise is of one size: twice the arc sine.

The arc sine of the root is the variance-stabilising transform of a proportion (Bartlett
1936). Beyond 0 and 1, where a ratio should not be but a busy counter may be for a moment,
the scale goes on as a straight line.
"""

import numpy as np

from exporter.model import BoolArray, FloatArray

_BEYOND = 2.0


def bend(values: FloatArray, ratios: BoolArray) -> FloatArray:
    """Return the values in the scale that views work in."""
    if not ratios.any():
        return values
    within = np.clip(values, 0, 1)
    bent = 2 * np.arcsin(np.sqrt(within)) + _BEYOND * (values - within)
    return np.where(ratios, bent, values)


def unbend(band: FloatArray, ratios: BoolArray) -> FloatArray:
    """Return expected values and their bounds, shape (3, series), in the series' own unit.

    A ratio's band ends at 0, and at 1 where no more than that is expected.
    """
    within = np.clip(band, 0, np.pi)
    straight = np.sin(within / 2) ** 2 + (band - within) / _BEYOND
    expected, lower, upper = straight
    np.maximum(lower, 0, out=lower)
    np.minimum(upper, np.maximum(expected, 1), out=upper)
    return np.where(ratios, straight, band)
