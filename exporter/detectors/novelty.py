"""Novelty: how far a value goes beyond anything seen, in the view that it surprises most."""

from dataclasses import dataclass

import numpy as np

from exporter.detectors import envelope
from exporter.detectors.contract import Floats, Frame, IntArray, Span, View

LARGEST = 1
"""The first field is the largest |value| so far; the envelopes of the views follow."""
_FLOOR = np.float32(0.01)
_AFTER = 200.0
_LINE = 0.0955
"""The excess, in envelope widths, that ordinary series reach about once a week."""
_FOLD = 0.48
"""The logarithm of how much further a record must go for alarms rarer by a factor e."""
_LEAST = np.float32(1e-30)
_FULL_AGE = np.float32(604_800.0)
"""Before this age records come more often, by the ratio of the ages: 1/n of n values is one."""


def width(views: dict[str, View]) -> int:
    """Return how many fields the records of these views need."""
    return LARGEST + envelope.WIDTH * len(recorded(views))


def recorded(views: dict[str, View]) -> tuple[str, ...]:
    """Return the names of the views whose records count, those that foretell first."""
    chosen = [name for name, view in views.items() if view.novelty]
    return tuple(sorted(chosen, key=lambda name: _rank(views[name])))


def _rank(view: View) -> tuple[bool, bool]:
    """Put those that foretell first, and those whose extremes leak at the seam of the two."""
    return not view.foretells, view.leaking == view.foretells


def line(alarms_a_week: Floats) -> Floats:
    """Return the excess that is an alarm, shape (series,)."""
    excess: Floats = np.log(alarms_a_week) * np.float32(-_FOLD)
    np.exp(excess, out=excess)
    excess *= _LINE
    return excess


def rarity(excess: Floats, rate: Floats) -> Floats:
    """Return how improbable an excess in units of its line is: 1 on the line, and beyond it alike.

    Below it counts the logarithm of the probability, in that of the line, which is `rate`.
    """
    folds = np.minimum(np.log(rate), -1) * np.float32(_FOLD)
    rare = np.maximum(1 - np.log(np.maximum(excess, _LEAST)) / folds, 0)
    return np.where(excess < 1, rare, excess)


@dataclass(frozen=True, slots=True)
class Records:
    """What holds for each view with records; columns of shape (views, 1)."""

    weights: Floats
    leaking: slice
    """The views whose extremes leak."""
    floors: Floats
    """The least width of a view with a scale of its own."""
    scaled: Floats
    """1 for a view in the series' unit, whose least width is a part of the largest value."""
    foretelling: slice
    """The views that say where the value should be."""

    @classmethod
    def of(cls, views: dict[str, View]) -> "Records":
        """Read them off the views."""
        chosen = [views[name] for name in recorded(views)]
        own = _column([view.own_scale for view in chosen])
        weights = _column([view.novelty for view in chosen])
        leaks = [i for i, view in enumerate(chosen) if view.leaking]
        leaking = slice(min(leaks, default=0), max(leaks, default=-1) + 1)
        foretelling = slice(0, sum(view.foretells for view in chosen))
        return cls(weights, leaking, _FLOOR * own, 1 - own, foretelling)

    def broken(self, state: Floats, seen: Floats) -> IntArray:
        """Return the series of which some view has a record; `seen` has shape (views, series)."""
        return envelope.beyond(_envelopes(state), seen)

    def excesses(self, state: Floats, seen: Floats, lines: Floats, rows: IntArray) -> Floats:
        """Return each view's weighted excess in `lines`, 0 where there is none, (views, rows)."""
        state = state.take(rows, axis=1)
        floor = self.scaled * _least(state) + self.floors
        excess = envelope.excess(_envelopes(state), seen.take(rows, axis=1), floor)
        excess *= self.weights
        excess /= lines[rows]
        return excess

    def room(self, state: Floats, seen: Floats, line: Floats) -> tuple[Floats, Floats]:
        """Return how much further up and down the value may go until a record is an alarm.

        `line` is the weighted excess that is one, (series,).
        """
        kept = self.foretelling
        lines = line / self.weights[kept]
        up, down = envelope.room(_envelopes(state)[:, kept], seen[kept], _least(state), lines)
        return np.minimum.reduce(up), np.minimum.reduce(down)

    def learn(self, frame: Frame, state: Floats, seen: Floats) -> None:
        """Take what was seen into the extremes."""
        np.maximum(state[0], frame.sizes, out=state[0])
        envelope.learn(frame, _envelopes(state), seen, self.leaking)

    def widen(self, state: Floats, row: int, span: Span) -> None:
        """Take extremes of one view in, which it could not show when they were seen."""
        envelope.widen(_envelopes(state)[:, row], span)


def _least(state: Floats) -> Floats:
    """Return the least width that is believed, in the series' unit."""
    least: Floats = np.maximum(state[0] * _FLOOR, _LEAST)
    return least


def _envelopes(state: Floats) -> Floats:
    """Return the fields after the first as (WIDTH, views, series), which is no copy."""
    views = len(state) // envelope.WIDTH
    return state[LARGEST:].reshape(envelope.WIDTH, views, state.shape[1])


def _column(values: list[float] | list[bool]) -> Floats:
    return np.array(values, np.float32)[:, None]


def known(frame: Frame, age: Floats) -> Floats:
    """Return by what part records count, (series,): of a young series everything is one."""
    if frame.youngest >= _AFTER and age.min() >= _FULL_AGE:
        return np.ones_like(age)
    part: Floats = np.minimum(np.maximum(age, 0) / _FULL_AGE, 1) ** np.float32(_FOLD)
    if frame.youngest < _AFTER:
        part[frame.count < _AFTER] = 0
    return part
