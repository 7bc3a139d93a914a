"""From a statistic to units of its alarm line, which is learned from the statistic's own peaks.

The statistics are nearly normal by construction: so the line starts as theory has it, and few
peaks correct it. The highest value of each excursion beyond a high quantile is one peak, however
long it lasts (Leadbetter, Lindgren and Rootzen 1983): what is correlated in time is not counted
twice, and an incident teaches once, when it is over. How far peaks go beyond the quantile follows
a generalised Pareto distribution (Pickands 1975), whose shape and scale are had from their mean
and mean square (Hosking and Wallis 1987).
"""

import numpy as np

from exporter.model import BoolArray, FloatArray

WIDTH = 7
_MEAN, _VARIANCE, _QUANTILE, _RATE, _EXCESS, _SQUARE, _PEAK = range(WIDTH)
NORMAL = (0.0, 1.0, 1.645, 0.045, 0.418, 0.320, 0.0)
"""The state of a new statistic that is normal and without memory."""
MOVING = (0.0, 1.0, 1.645, 0.015, 0.5, 0.47, 0.0)
"""Of one that is of the mean of a few values."""
LARGEST = (0.0, 1.0, 1.75, 0.006, 0.55, 0.605, 0.0)
"""Of one that is the largest of many means of more."""
_BEYOND = 0.05
"""How often the quantile is passed."""
_WINDOW = 3000.0
"""Of how many values mean, variance and quantile are."""
_PEAKS = 1000.0
_BELIEF = 30.0
"""How many peaks count, and how many the start is worth."""
_OVER = 0.5
"""An excursion is over below this part of the quantile."""
_SHAPES = (-0.3, 0.4)
_DOUBT, _MOST_DOUBT = 0.25, 0.1
_LEAST_QUANTILE = 0.5
_CUT = 4.0
_PEAK_CUT = 1.5
"""How much of a peak counts, in excesses of the line."""
_LASTING_WEIGHT = 0.02
"""What a value beyond the line teaches: an incident must not make its group deaf."""


def sizes(state: FloatArray, statistic: FloatArray) -> FloatArray:
    """Return how far each statistic (groups,) lies above its own mean, in its own scatter.

    `state` is (WIDTH, groups). What lies below is 0; NaN stays NaN.
    """
    result: FloatArray = (statistic - state[_MEAN]) / np.sqrt(state[_VARIANCE])
    return np.maximum(result, 0)


def lines(state: FloatArray, rates: FloatArray, counts: FloatArray) -> FloatArray:
    """Return the size that peaks pass `rates` times a value, all (groups,).

    `counts` are the values learned from. The shape is taken for a little larger than it looks,
    by what its error (its variance is about 1 / peaks) adds to the expected number of alarms:
    a line too low costs more of them than one too high saves.
    """
    mean, square = state[_EXCESS], state[_SQUARE]
    variance = np.maximum(square - mean * mean, 1e-12)
    odds = np.maximum(state[_RATE] / rates, 1.0)
    doubt = _DOUBT * np.log(odds) ** 2 / _peaks(state, counts)
    shape = np.clip((1 - mean * mean / variance) / 2, *_SHAPES) + np.minimum(doubt, _MOST_DOUBT)
    shape = np.where(np.abs(shape) < 1e-6, 1e-6, shape)
    result: FloatArray = state[_QUANTILE] + mean * (1 - shape) * (odds**shape - 1) / shape
    return result


def _peaks(state: FloatArray, counts: FloatArray) -> FloatArray:
    """Return how many peaks stand behind the mean of the excesses."""
    peaks: FloatArray = np.minimum(np.maximum(counts, 0) * state[_RATE], _PEAKS)
    return peaks + _BELIEF


def learn(
    state: FloatArray, statistic: FloatArray, at: FloatArray, counts: FloatArray, take: BoolArray
) -> None:
    """Take the statistics of the groups in `take` into the state, in place.

    `at` are their lines, `counts` how many values each group has learned from before.
    """
    some, value, line = state[:, take], statistic[take], at[take]
    size = sizes(some, value)
    pace = np.maximum(1 / _WINDOW, 1 / (counts[take] + 20))
    pace *= np.where(size > line, _LASTING_WEIGHT, 1.0)
    scatter = np.sqrt(some[_VARIANCE])
    step = np.clip(value - some[_MEAN], -_CUT * scatter, _CUT * scatter)
    some[_MEAN] += pace * step
    some[_VARIANCE] += pace * (step * step - some[_VARIANCE])
    _learn_peaks(some, size, line, counts[take])
    over = size > some[_QUANTILE]
    moved = some[_QUANTILE] * np.exp(2 * pace * (over - _BEYOND))
    some[_QUANTILE] = np.maximum(moved, _LEAST_QUANTILE)
    state[:, take] = some


def _learn_peaks(state: FloatArray, size: FloatArray, line: FloatArray, count: FloatArray) -> None:
    """Keep the highest value of an excursion, and learn from it once it is over."""
    peak, quantile = state[_PEAK], state[_QUANTILE]
    begins = (peak == 0) & (size > quantile)
    past = count * _BEYOND
    state[_RATE] += (begins - state[_RATE]) / (np.minimum(past, _PEAKS) + _BELIEF) * _BEYOND
    ends = (peak > 0) & (size < _OVER * quantile)
    excess = np.clip(peak - quantile, 0, _PEAK_CUT * (line - quantile))
    known = _peaks(state, count)
    state[_EXCESS] += ends * (excess - state[_EXCESS]) / known
    state[_SQUARE] += ends * (excess * excess - state[_SQUARE]) / known
    state[_PEAK] = np.where(ends, 0, np.where(begins | (peak > 0), np.maximum(peak, size), 0))
