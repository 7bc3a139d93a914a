"""Novelty: how far a value goes beyond anything seen, in the view that it surprises most."""

from dataclasses import dataclass

import numpy as np

from exporter.detectors import envelope
from exporter.detectors.contract import Floats, Frame, View

LARGEST = 1
"""The first field is the largest |value| so far; the envelopes of the views follow."""
_FLOOR = np.float32(0.01)
_AFTER = 200.0
_LINE = 0.0955
"""The excess, in envelope widths, that ordinary series reach about once a week."""
_FOLD = 0.48
"""The logarithm of how much further a record must go for alarms rarer by a factor e."""
_FULL_AGE = 86_400.0


def width(views: dict[str, View]) -> int:
    """Return how many fields the records of these views need."""
    return LARGEST + envelope.WIDTH * len(recorded(views))


def recorded(views: dict[str, View]) -> tuple[str, ...]:
    """Return the names of the views whose records count."""
    return tuple(name for name, view in views.items() if view.novelty)


def line(alarms_a_week: Floats) -> Floats:
    """Return the excess that is an alarm, shape (series,)."""
    excess: Floats = np.log(alarms_a_week) * np.float32(-_FOLD)
    np.exp(excess, out=excess)
    excess *= _LINE
    return excess


@dataclass(frozen=True, slots=True)
class Records:
    """What holds for each view with records; columns of shape (views, 1)."""

    weights: Floats
    leaking: Floats
    floors: Floats
    """The least width of a view with a scale of its own."""
    scaled: Floats
    """1 for a view in the series' unit, whose least width is a part of the largest value."""

    @classmethod
    def of(cls, views: dict[str, View]) -> "Records":
        """Read them off the views."""
        chosen = [views[name] for name in recorded(views)]
        own = _column([view.own_scale for view in chosen])
        weights = _column([view.novelty for view in chosen])
        return cls(weights, _column([view.leaking for view in chosen]), _FLOOR * own, 1 - own)

    def excesses(self, state: Floats, seen: Floats, out: Floats) -> None:
        """Write each view's weighted excess to `out`; `seen` and `out` are (views, series)."""
        floor = self.scaled * np.maximum(state[0] * _FLOOR, np.float32(1e-30))
        floor += self.floors
        envelope.excess(_envelopes(state), seen, floor, out)
        out *= self.weights

    def learn(self, frame: Frame, state: Floats, seen: Floats) -> None:
        """Take what was seen into the extremes."""
        np.maximum(state[0], np.abs(frame.values), out=state[0])
        envelope.learn(frame, _envelopes(state), seen, self.leaking)


def _envelopes(state: Floats) -> Floats:
    """Return the fields after the first as (WIDTH, views, series), which is no copy."""
    return state[LARGEST:].reshape(envelope.WIDTH, -1, state.shape[1])


def _column(values: list[float] | list[bool]) -> Floats:
    return np.array(values, np.float32)[:, None]


def young(frame: Frame, age: Floats, sizes: Floats) -> Floats:
    """Hold back what a young series does: at first everything is a record."""
    sizes = sizes * np.minimum(age / _FULL_AGE, 1).astype(np.float32)
    if frame.youngest < _AFTER:
        sizes[frame.count < _AFTER] = 0
    return sizes
