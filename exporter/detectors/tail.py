"""The alarm line of each series: peaks over a threshold, learned from its own innovations.

Beyond a high quantile u, the excesses of nearly any noise follow a generalised Pareto
distribution (Pickands 1975; for alarms on streams: Siffer et al. 2017, SPOT). Their mean
and half their mean difference, which are L-moments, give its shape and scale (Hosking and
Wallis 1987), and these the size that is passed with any probability, however small.
"""

from dataclasses import dataclass

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
_SETTLED = 3000.0
"""From how many values on all quantiles move alike."""
_LEAST = np.float32(1e-9)
_FOLDS = -np.log(_RATE)
_LEAST_LINE = np.float32(2.0)
_LASTING_WEIGHT = np.float32(0.3)
"""What a peak teaches while an alarm lasts: an incident must not make its series deaf, least of
all a young one, which learns nothing from it at first."""

START = (1.55, 0.5, 0.25, 0.5, 0.5, 0.0)
"""The state of a new series: about the normal distribution's."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What lies beyond the quantile of each series; arrays of shape (series,)."""

    state: Floats
    shape: Floats
    """Positive where the tail is heavy, and never 0."""
    folds: Floats
    """The logarithm of how much rarer than the quantile's the line's rate is, 0 if it is not."""
    reach: Floats
    """exp(shape * folds) - 1, in which a size grows as its probability falls."""

    @classmethod
    def of(cls, state: Floats, rate: Floats | FloatArray | float) -> "Tail":
        """Read it off a state of shape (series, WIDTH)."""
        shape = np.maximum(state[:, _SPREAD], _LEAST)
        np.divide(state[:, _MEAN], shape, out=shape)
        np.subtract(2, shape, out=shape)
        np.maximum(shape, shape * _HEAVIER, out=shape)
        np.maximum(shape, _SHAPES[0], out=shape)
        np.minimum(shape, _SHAPES[1], out=shape)
        np.copyto(shape, np.float32(1e-6), where=shape == 0)
        folds = np.log(np.maximum(_RATE / np.asarray(rate, np.float32), 1))
        return cls(state, shape, folds, np.expm1(folds * shape))

    def line(self, doubt: float) -> Floats:
        """Return the size that is passed at the rate, raised by what is not known yet."""
        reach = self.reach * self.state[:, _MEAN]
        reach *= (1 - self.shape) / self.shape
        reach += self.state[:, _QUANTILE]
        reach *= 1 + np.float32(doubt) / (1 + self.state[:, _COUNT] * (1 / _DOUBT_VALUES))
        line: Floats = np.maximum(reach, _LEAST_LINE)
        return line

    def weigh(self, sizes: Floats, lines: Floats) -> Floats:
        """Return how improbable sizes are, 0 where nothing is and 1 on the line.

        Below its line a size counts by the logarithm of the probability to pass it, in that of
        the line, so that .8 too is as rare in every series; beyond it, by how many lines it is.
        """
        rare = self._rarity(sizes, lines)
        beyond = sizes > lines
        if beyond.any():
            rare[beyond] = sizes[beyond] / lines[beyond]
        return rare

    def _rarity(self, sizes: Floats, lines: Floats) -> Floats:
        """Return the logarithms of the sizes' probabilities, each in that of the line."""
        quantile = self.state[:, _QUANTILE]
        part = sizes - quantile
        part /= np.maximum(lines - quantile, _LEAST)
        np.maximum(part, 0, out=part)
        np.minimum(part, 1, out=part)
        part *= self.reach
        np.log1p(part, out=part)
        part /= self.shape
        part += np.minimum(sizes / np.maximum(quantile, _LEAST), 1) * _FOLDS
        part /= self.folds + _FOLDS
        return part


def line(state: Floats, rate: Floats | FloatArray | float, doubt: float = DOUBT) -> Floats:
    """Return the size that is passed with probability `rate` a value, shape (series,).

    `state` has shape (series, WIDTH); a line learned from nothing is raised by `doubt` of itself.
    """
    return Tail.of(state, rate).line(doubt)


def weigh(state: Floats, sizes: Floats, rate: Floats) -> tuple[Floats, Floats]:
    """Return how improbable sizes are, as `Tail.weigh` does, and the line at `rate`."""
    tail = Tail.of(state, rate)
    lines = tail.line(DOUBT)
    return tail.weigh(sizes, lines), lines


def learn(state: Floats, sizes: Floats, lines: Floats) -> None:
    """Take |innovation| of shape (series,) into `state` of shape (series, WIDTH), in place.

    The quantile moves by stochastic approximation (Robbins and Monro 1951) of its logarithm,
    the moments by each peak's excess and by its distance from that of a peak before.
    """
    fields = state.T
    quantile, count = fields[_QUANTILE], fields[_COUNT]
    peaks = (sizes > quantile).nonzero()[0]  # an eighth of them: the others teach the quantile
    taught = _taught(fields.take(peaks, axis=1), sizes[peaks], lines[peaks])
    youngest = count.min()
    gain = _gain(count if youngest < _SETTLED else count[:1])
    if youngest == 0:
        begun = (count > 0) | (sizes > 0)  # a series that never moved says nothing of its noise
        gain *= begun
        count += begun
    else:
        count += 1
    quantile *= np.exp(gain * -_RATE)
    fields[:_COUNT, peaks] = taught[:_COUNT]


def _gain(count: Floats) -> Floats:
    """Return by how much the logarithm of a quantile moves."""
    gain: Floats = np.maximum(2 / _SETTLED, 2 / (count + 10))
    return gain


def _taught(state: Floats, sizes: Floats, lines: Floats) -> Floats:
    """Return a state of shape (WIDTH, peaks) that has learned their sizes."""
    quantile, mean, spread, latest, other, count = state
    share = np.maximum(1 / 1000, 1 / (_RATE * count + 20))
    move = _gain(count) * (1 - _RATE)
    excess = np.minimum(sizes, lines)  # what is beyond the line is no part of the ordinary
    excess -= quantile
    np.minimum(excess, mean * (1 + _GROWTH / share), out=excess)
    beyond = sizes > lines
    lasting = _LASTING_WEIGHT * np.minimum(count * (1 / _DOUBT_VALUES), 1)
    weight = 1 - (1 - lasting) * (beyond & (latest > lines - quantile))
    share *= weight
    mean += share * (excess - mean)
    spread += share * (np.abs(excess - other) * np.float32(0.5) - spread)
    latest[:] = sizes - quantile
    turn = np.floor(count * np.float32(1 / _APART)) * _APART
    np.copyto(other, excess, where=~beyond & (np.abs(turn - count) < 1))
    quantile *= np.exp(move * weight)
    return state
