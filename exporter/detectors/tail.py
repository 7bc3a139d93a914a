"""The alarm line of each series: peaks over a threshold, learned from its own innovations.

Beyond a high quantile u, the excesses of nearly any noise follow a generalised Pareto
distribution (Pickands 1975; for alarms on streams: Siffer et al. 2017, SPOT). Their mean
and half their mean difference, which are L-moments, give its shape and scale (Hosking and
Wallis 1987), and these the size that is passed with any probability, however small.
"""

import numpy as np

from exporter.model import FloatArray

WIDTH = 6
_QUANTILE, _MEAN, _SPREAD, _LATEST, _COUNT, _PEAKS = range(WIDTH)
_RATE = 0.02
"""How often the quantile itself is passed."""
_LEAST_LINE = 4.0
"""In scatters. Noise that has bounds has no tail to learn; what stays within 4 is ordinary."""
_LEAST_QUANTILE = 1.0
_SHAPES = (-0.1, 0.4)
"""Few peaks say little of their shape; beyond these it is not believed."""
_CUT = 2.0
"""How much of a peak counts, in alarm lines."""
_LASTING_WEIGHT = 0.02
"""What a peak teaches while an alarm lasts: an incident must not make its series deaf."""

START = (2.33, 0.5, 0.27, 0.5, 0.0, 0.0)
"""The state of a new series: a tail a little heavier than the normal distribution's."""


def line(state: FloatArray, alarm_rate: FloatArray | float) -> FloatArray:
    """Return, of shape (series,), the size that |innovation| passes with `alarm_rate` a value."""
    mean, spread = state[:, _MEAN], state[:, _SPREAD]
    shape = np.clip(2 - mean / np.maximum(spread, 1e-12), *_SHAPES)
    shape = np.where(np.abs(shape) < 1e-6, 1e-6, shape)
    odds = np.maximum(_RATE / alarm_rate, 1.0)
    reach = mean * (1 - shape) * (odds**shape - 1) / shape
    return np.maximum(state[:, _QUANTILE] + reach, _LEAST_LINE)


def learn(state: FloatArray, sizes: FloatArray, lines: FloatArray) -> None:
    """Take |innovation| of shape (series,) into `state` of shape (series, WIDTH), in place.

    The quantile moves by stochastic approximation (Robbins and Monro 1951) of its logarithm,
    the moments by each peak's excess and by its distance from that of the peak before.
    """
    quantile, mean, spread, latest, count, peaks = state.T
    with np.errstate(invalid="ignore"):
        over = sizes > quantile
        lasting = (sizes > lines) & (latest > lines - quantile)
    weight = np.where(lasting, _LASTING_WEIGHT, 1.0)
    pace = 5 * np.maximum(1 / 3000, 1 / (count + 10)) * weight
    moved = np.maximum(quantile * np.exp(pace * (over - _RATE)), _LEAST_QUANTILE)
    share = np.maximum(1 / 1000, 1 / (peaks + 20)) * weight * over
    excess = np.minimum(sizes, _CUT * lines) - quantile
    mean = mean + share * (excess - mean)
    spread = spread + share * (np.abs(excess - latest) / 2 - spread)
    latest = np.where(over, excess, latest)
    seen = np.isfinite(sizes)
    after = np.column_stack((moved, mean, spread, latest, count + 1, peaks + over))
    state[seen] = after[seen]
