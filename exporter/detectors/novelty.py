"""Novelty: how far a value goes beyond anything seen, in the view that it surprises most."""

import numpy as np

from exporter.detectors import envelope
from exporter.detectors.contract import Floats, Frame, View

LARGEST = 1
"""The first field is the largest |value| so far; the envelopes of the views follow."""
_FLOOR = np.float32(0.01)
_AFTER = 200.0
_LINE = 0.0955
"""The excess, in envelope widths, that ordinary series reach about once a week."""
_FOLD = 0.06
"""How much further a record must go for each factor e by which alarms shall be rarer."""
_FULL_AGE = 86_400.0


def width(views: dict[str, View]) -> int:
    """Return how many fields the records of these views need."""
    return LARGEST + envelope.WIDTH * sum(view.novelty > 0 for view in views.values())


def line(alarms_a_week: Floats) -> Floats:
    """Return the excess that is an alarm, shape (series,)."""
    return (_LINE * np.exp(-_FOLD * 8 * np.log(alarms_a_week))).astype(np.float32)


def excesses(state: Floats, views: dict[str, View], seen: dict[str, Floats], out: Floats) -> None:
    """Write each view's weighted excess to a row of `out`, shape (views with records, series)."""
    floor = state[0] * _FLOOR
    np.maximum(floor, np.float32(1e-30), out=floor)
    for row, (name, view, part) in enumerate(_recorded(state, views)):
        least = float(_FLOOR) if view.own_scale else floor
        np.multiply(envelope.excess(part, seen[name], least), view.novelty, out=out[row])


def young(frame: Frame, age: Floats, sizes: Floats) -> Floats:
    """Hold back what a young series does: at first everything is a record."""
    sizes = sizes * np.minimum(age / _FULL_AGE, 1).astype(np.float32)
    if frame.youngest < _AFTER:
        sizes[frame.count < _AFTER] = 0
    return sizes


def learn(frame: Frame, state: Floats, views: dict[str, View], seen: dict[str, Floats]) -> None:
    """Take this value into the extremes."""
    np.maximum(state[0], np.abs(frame.values), out=state[0])
    for name, view, part in _recorded(state, views):
        envelope.learn(frame, part, seen[name], leaking=view.leaking)


def _recorded(state: Floats, views: dict[str, View]) -> list[tuple[str, View, Floats]]:
    found, start = [], LARGEST
    for name, view in views.items():
        if view.novelty:
            found.append((name, view, state[start : start + envelope.WIDTH]))
            start += envelope.WIDTH
    return found
