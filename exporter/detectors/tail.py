"""The alarm line of each series: peaks over a threshold, learned from its own innovations.

Beyond a high quantile u, the excesses of nearly any noise follow a generalised Pareto
distribution (Pickands 1975; for alarms on streams: Siffer et al. 2017, SPOT). Their mean
and half their mean difference, which are L-moments, give its shape and scale (Hosking and
Wallis 1987), and these the size that is passed with any probability, however small.
"""

import numpy as np

from exporter.detectors.contract import Floats
from exporter.model import FloatArray

WIDTH = 6
_QUANTILE, _MEAN, _SPREAD, _LATEST, _OTHER, _COUNT = range(WIDTH)
_RATE = np.float32(0.12)
"""How often the quantile itself is passed: often enough that few values tell it well."""
_SHAPES = (np.float32(-0.1), np.float32(0.5))
"""A tail's shape is believed between these."""
_HEAVIER = np.float32(1.25)
"""Far out a heavy tail is heavier than its first eighth shows."""
_GROWTH = np.float32(0.1)
"""By what part one peak may raise the mean excess: a young line shall not follow a jump."""
_APART = 3
"""Peaks come in clusters whose members are alike; the spread compares with one further back."""
DOUBT = 1.0
_DOUBT_VALUES = np.float32(3000.0)
"""A line learned from few values stands higher: twice at first, by half after 3,000 of them."""
_LEAST = np.float32(1e-9)
_FOLDS = -np.log(_RATE)
_LEAST_LINE = np.float32(2.0)
_LASTING_WEIGHT = np.float32(0.3)
"""What a peak teaches while an alarm lasts: an incident must not make its series deaf, least of
all a young one, which learns nothing from it at first."""

START = (1.55, 0.5, 0.25, 0.5, 0.5, 0.0)
"""The state of a new series: about the normal distribution's."""


def line(state: Floats, rate: Floats | FloatArray | float, doubt: float = DOUBT) -> Floats:
    """Return the size that is passed with probability `rate` a value, shape (series,).

    `state` has shape (series, WIDTH); a line learned from nothing is raised by `doubt` of itself.
    """
    quantile, mean, _, _, _, count = state.T
    shape = _shape(state)
    reach: Floats = np.expm1(_folds(rate) * shape)
    reach *= mean
    reach *= (1 - shape) / shape
    reach += quantile
    reach *= 1 + np.float32(doubt) / (1 + count * (1 / _DOUBT_VALUES))
    line: Floats = np.maximum(reach, _LEAST_LINE)
    return line


def rarity(state: Floats, sizes: Floats, lines: Floats, rate: Floats) -> Floats:
    """Return how improbable sizes are, shape (series,): 0 where nothing is, 1 on the line.

    Below its line a size counts by the logarithm of the probability to pass it, in that of the
    line, so that .8 too is as rare in every series; beyond the line, by how many lines it is.
    """
    quantile, shape, folds = state[:, _QUANTILE], _shape(state), _folds(rate)
    part = sizes - quantile
    part /= np.maximum(lines - quantile, _LEAST)
    np.maximum(part, 0, out=part)
    np.minimum(part, 1, out=part)
    part *= np.expm1(folds * shape)
    np.log1p(part, out=part)
    part /= shape
    part += np.minimum(sizes / np.maximum(quantile, _LEAST), 1) * _FOLDS
    part /= folds + _FOLDS
    beyond = sizes > lines
    if beyond.any():
        part[beyond] = sizes[beyond] / lines[beyond]
    return part


def _shape(state: Floats) -> Floats:
    """Return the tail's shape, positive where it is heavy, and never 0."""
    shape = 2 - state[:, _MEAN] / np.maximum(state[:, _SPREAD], _LEAST)
    np.maximum(shape, shape * _HEAVIER, out=shape)
    np.maximum(shape, _SHAPES[0], out=shape)
    bounded: Floats = np.minimum(shape, _SHAPES[1])
    bounded += np.float32(1e-6) * (bounded == 0)
    return bounded


def _folds(rate: Floats | FloatArray | float) -> Floats:
    """Return the logarithm of how much rarer than the quantile's a rate is, 0 if it is not."""
    folds: Floats = np.log(np.maximum(_RATE / np.asarray(rate, np.float32), 1))
    return folds


def learn(state: Floats, sizes: Floats, lines: Floats) -> None:
    """Take |innovation| of shape (series,) into `state` of shape (series, WIDTH), in place.

    The quantile moves by stochastic approximation (Robbins and Monro 1951) of its logarithm,
    the moments by each peak's excess and by its distance from that of a peak before.
    """
    quantile, mean, spread, latest, other, count = state.T
    over = sizes > quantile
    lasting = _LASTING_WEIGHT * np.minimum(count * (1 / _DOUBT_VALUES), 1)
    weight = 1 - (1 - lasting) * ((sizes > lines) & (latest > lines - quantile))
    share = np.maximum(1 / 1000, 1 / (_RATE * count + 20))
    excess = np.minimum(sizes, lines)  # what is beyond the line is no part of the ordinary
    excess -= quantile
    np.minimum(excess, mean * (1 + _GROWTH / share), out=excess)
    share *= weight
    share *= over
    mean += share * (excess - mean)
    spread += share * (np.abs(excess - other) * np.float32(0.5) - spread)
    latest += over * (sizes - quantile - latest)
    turn = np.floor(count * np.float32(1 / _APART)) * _APART
    ordinary = over & (sizes <= lines)
    other += (ordinary & (np.abs(turn - count) < 1)) * (excess - other)
    weight *= np.maximum(2 / 3000, 2 / (count + 10))
    weight *= over - _RATE
    begun = (count > 0) | (sizes > 0)  # a series that never moved says nothing of its noise
    weight *= begun
    quantile *= np.exp(weight)
    count += begun
