"""What is learned of groups of about one size, in arrays, and one update of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.groups import calibrate, change, distance, moments
from exporter.groups.change import Windows
from exporter.groups.moments import Floats
from exporter.model import BoolArray, FloatArray

_WEEK = 604_800.0
_NOW, _LATELY, _CHANGE = CHANNELS = range(3)
"""The statistics: distance now, distance of the latest mean, the loudest fall of a correlation."""
_SHARES = np.array([[0.25], [0.25], [0.5]])
_SHARES_ALONE = np.array([[0.5], [0.5], [0.0]])
"""What each may use of the accepted alarms, with pairs that move together and without any."""
_STARTS = (*calibrate.NORMAL, *calibrate.MOVING, *calibrate.LARGEST)

COUNT, STEP, AT = range(3)
_STATISTICS = 3
_GROUP = _STATISTICS + len(CHANNELS) * calibrate.WIDTH
SCATTER, SEEN, LATELY, SHARE = range(4)
_MEMBER = 4
_LONG, _SHORT = slice(0, moments.PARTS), slice(moments.PARTS, 2 * moments.PARTS)
_SPREAD = 2 * moments.PARTS
_PAIR = _SPREAD + 1

_LEAST_COUNT = 300
"""Values that a group learns from before its first score."""
_LEARN_AFTER = 60
"""And before its statistics mean enough to learn how they are distributed."""
_LONG_GAIN, _SHORT_GAIN, _LATELY_GAIN = 1 / 2000, 1 / 30, 0.2
_SCATTER_GAIN, _STEP_GAIN = 1 / 2000, 0.05
_CUT = np.float32(4.0)
"""Innovations beyond it teach no more than this, in scatters."""
_LINEAR = np.float32(3.0)
"""Up to here an innovation counts as it is, beyond by its logarithm: one wild member is what its
own score is for."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Measured:
    """One update; arrays (CHANNELS, groups), NaN where silent, in units of the alarm line."""

    scores: FloatArray
    pair: NDArray[np.intp]
    """Which pair's correlation fell most, as row * width + column; (groups,)."""
    points: Floats
    """Of the louder distance, (groups, members), and the matrix to measure it by."""
    matrix: Floats


class Bank:
    """State of `groups` groups with up to `width` members each."""

    def __init__(self, groups: int, width: int) -> None:
        self.width = width
        self.group = np.zeros((_GROUP, groups))
        self.group[AT] = -np.inf
        self.group[_STATISTICS:] = np.array(_STARTS)[:, None]
        self.member = np.zeros((_MEMBER, groups, width), np.float32)
        self.pair = np.zeros((_PAIR, groups, width, width), np.float32)
        self.pair[_SPREAD] = 1

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the live state."""
        return {"group": self.group, "member": self.member, "pair": self.pair}

    def take(
        self, row: int, other: "Bank", other_row: int, columns: Sequence[tuple[int, int]]
    ) -> None:
        """Copy a group from another bank; `columns` pairs members' places here and there."""
        self.group[:, row] = other.group[:, other_row]
        if columns:
            to, start = np.array(columns).T
            self.member[:, row, to] = other.member[:, other_row, start]
            block = other.pair[:, other_row][:, start[:, None], start]
            self.pair[:, row, to[:, None], to] = block

    def correlations(self, row: int, first: int, second: int) -> tuple[float, float]:
        """Return the correlation of two members over the long and over the short window."""
        both = [moments.correlations(self.pair[part, row : row + 1]) for part in (_LONG, _SHORT)]
        usual, lately = (float(one[0, first, second]) for one in both)
        return usual, lately

    def update(self, values: FloatArray, times: FloatArray, alarms_a_week: float) -> Measured:
        """Judge the innovations (groups, members), NaN where missing, then learn from them.

        `times` (groups,) are in seconds. A group with fewer than two members present is left
        alone.
        """
        points, present, ready = self._standardised(values)
        step = self._step(times, ready)
        matrix = moments.shrunk(self.pair[_LONG], self._samples(_LONG_GAIN), present)
        lately = self._lately(points, present, ready)
        both = np.stack((points, lately * present), -1)
        squares = distance.distances(matrix, both)
        squares[:, 1] *= (2 - _LATELY_GAIN) / _LATELY_GAIN
        statistics = np.full((len(CHANNELS), len(times)), np.nan)
        statistics[:_CHANGE] = distance.standard(squares, present.sum(1, dtype=np.float32)).T
        self._learn_moments(np.clip(points, -_CUT, _CUT), present, ready)
        statistics[_CHANGE], pair = self._change(ready)
        statistics[:, ~ready] = np.nan
        shares = np.where(np.isfinite(statistics[_CHANGE]), _SHARES, _SHARES_ALONE)
        rates = np.clip(shares * alarms_a_week * step / _WEEK, _TINY, 0.1)
        scores = self._scores(statistics, rates)
        louder = scores[_LATELY] > scores[_NOW]
        self.group[COUNT] += ready
        return Measured(scores, pair, np.where(louder[:, None], both[..., 1], points), matrix)

    def _standardised(self, values: FloatArray) -> tuple[Floats, BoolArray, BoolArray]:
        """Return values in each member's scatter, 0 where absent; who is there; which groups are.

        A member that never moves has no scatter and is as good as absent.
        """
        here = np.isfinite(values)
        scatter, seen = self.member[SCATTER], self.member[SEEN]
        value = np.where(here, values, 0).astype(np.float32)
        known = np.where(seen > 0, scatter, value * value)
        square = np.minimum(value * value, np.where(seen < 20, np.inf, _CUT * _CUT * known))
        points = np.divide(value, np.sqrt(known), out=np.zeros_like(value), where=known > _TINY)
        size = np.abs(points)
        bent = np.sign(points) * (_LINEAR + np.log1p(np.maximum(size - _LINEAR, 0)))
        points = np.where(size > _LINEAR, bent, points)
        gain = np.maximum(_SCATTER_GAIN, 1 / (seen + 1)) * here
        scatter += gain.astype(np.float32) * (square - scatter)
        seen += here
        present = here & (known > _TINY)
        return points * present, present, present.sum(1) >= 2

    def _step(self, times: FloatArray, ready: BoolArray) -> FloatArray:
        """Return the usual seconds between the values of each group."""
        _, step, at = self.group[:_STATISTICS]
        gap = np.where(ready, times - at, np.inf)
        usable = np.isfinite(gap) & (gap > 0)
        first = usable & (step == 0)
        step[first] = gap[first]
        usable &= gap < 10 * step
        step[usable] += _STEP_GAIN * (gap[usable] - step[usable])
        at[ready] = times[ready]
        return np.asarray(step)

    def _samples(self, gain: float) -> Floats:
        """Return how many values the moments of a pace stand for, (groups,)."""
        samples: FloatArray = np.minimum(self.group[COUNT], 2 / gain - 1)
        return samples.astype(np.float32)

    def _gain(self, gain: float, ready: BoolArray) -> Floats:
        pace: FloatArray = np.maximum(gain, 1 / (self.group[COUNT] + 1)) * ready
        return pace.astype(np.float32)

    def _lately(self, points: Floats, present: BoolArray, ready: BoolArray) -> Floats:
        """Return the mean of the latest values: a small shift of many members adds up in it.

        This is the multivariate moving average chart of Lowry, Woodall, Champ and Rigdon (1992).
        """
        lately: Floats = self.member[LATELY]
        lately += np.float32(_LATELY_GAIN) * ready[:, None] * (points * present - lately)
        return lately

    def _learn_moments(self, points: Floats, present: BoolArray, ready: BoolArray) -> None:
        moments.learn(self.pair[_LONG], points, present, self._gain(_LONG_GAIN, ready))
        moments.learn(self.pair[_SHORT], points, present, self._gain(_SHORT_GAIN, ready))

    def _change(self, ready: BoolArray) -> tuple[Floats, NDArray[np.intp]]:
        """Return the loudest fall of a correlation of each group, and its pair."""
        windows = Windows(
            self.pair[_LONG],
            self.pair[_SHORT],
            self._samples(_LONG_GAIN),
            self._samples(_SHORT_GAIN),
        )
        found = change.loosened(windows, self.pair[_SPREAD])
        change.learn(self.pair[_SPREAD], found, self._gain(_LONG_GAIN, ready))
        return found.loudest

    def _scores(self, statistics: FloatArray, rates: FloatArray) -> FloatArray:
        """Return each statistic in units of its alarm line, NaN before enough is known."""
        count = self.group[COUNT]
        learned = count - _LEARN_AFTER
        scores = np.full(statistics.shape, np.nan)
        for channel, (statistic, rate) in enumerate(zip(statistics, rates, strict=True)):
            start = _STATISTICS + channel * calibrate.WIDTH
            state = self.group[start : start + calibrate.WIDTH]
            at = calibrate.lines(state, rate, learned)
            scores[channel] = calibrate.sizes(state, statistic) / at
            take = np.isfinite(statistic) & (count >= _LEARN_AFTER)
            calibrate.learn(state, statistic, at, learned, take)
        scores[:, count < _LEAST_COUNT] = np.nan
        return scores
