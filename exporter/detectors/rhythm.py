"""How large innovations are at this hour of the day and in these two minutes of the hour.

What is news at four in the morning may be ordinary at nine, and many machines are busy in
the minutes round the full hour. Innovations are therefore measured in those of their slot.
"""

from dataclasses import dataclass

import numpy as np

from exporter.detectors.contract import Cell, Floats
from exporter.detectors.scatter import MOST

SLOTS: dict[str, tuple[int, int]] = {"hour": (24, 3600), "minutes": (30, 120)}
"""How many slots of how many seconds each rhythm has."""
WIDTH = len(SLOTS) + 1
MOVED = len(SLOTS)
"""Of each rhythm the usual size; then how many values there were since the series first moved."""
_GAINS = {"hour": np.float32(0.005), "minutes": np.float32(0.04)}
_LEAST = np.float32(0.55)
"""A slot is never held to be calmer than this part of the whole."""
AFTER = 50.0
"""From how many values on innovations are measured so."""
_UNSURE = 29.0
_FLOOR = np.float32(0.1)
"""No slot is calmer than this, in usual scatters: a series that has just begun to move."""
_VISITED = np.float32(1e-6)
_NEVER = np.float32(1e9)
_CLIP = np.float32(4.0)
_WINDOW = 3000.0
_GROWTH = np.float32(0.01)
"""By what part one value may raise the mean of a young series."""


@dataclass(frozen=True, slots=True)
class Age:
    """How many values there were, this one among them, since each series first moved.

    What it did before says nothing of how it moves.
    """

    values: Floats
    youngest: float

    @classmethod
    def of(cls, state: Floats, sizes: Floats) -> "Age":
        """Count the values, whose innovations are `sizes`, in place."""
        moved = state[MOVED]
        if moved.min() > 0:
            moved += 1
            return cls(moved, float(moved.min()))
        moved += (moved > 0) | (sizes > 0)
        return cls(moved, float((moved + _NEVER * (moved == 0)).min()))


@dataclass(frozen=True, slots=True)
class Beats:
    """Sizes measured in those of their slots; arrays of shape (series,)."""

    size: Floats
    """What is left of them."""
    scale: Floats
    """What they were divided by."""
    steps: tuple[tuple[Floats, Floats], ...]
    """The same for each rhythm in turn: what was measured, and by what it was divided."""


def measure(age: Age, state: Floats, size: Floats, cells: dict[str, Cell]) -> Beats:
    """Measure sizes in those of their hour, and what is left in those of their minutes."""
    steps = []
    for row, name in enumerate(SLOTS):
        usual = _scale(age, state[row], cells[name].mean)
        steps.append((size, usual))
        size = size / usual
        np.minimum(size, MOST, out=size)
    return Beats(size, steps[0][1] * steps[1][1], tuple(steps))


def learn(age: Age, state: Floats, beats: Beats, cells: dict[str, Cell]) -> None:
    """Take in what was measured, in place."""
    for row, (name, (size, usual)) in enumerate(zip(SLOTS, beats.steps, strict=True)):
        believed, slot = np.minimum(size, usual * _CLIP), cells[name].mean
        if not slot.min() > 0:
            new = (slot == 0) & (age.values >= _UNSURE)
            slot[new] = np.maximum(state[row, new], _VISITED)
        change, move = believed - slot, believed - state[row]
        change *= _GAINS[name]
        _settle(age, state[row], change, move)
        slot += change
        state[row] += move


def _scale(age: Age, mean: Floats, slot: Floats) -> Floats:
    """Return what innovations are divided by; a slot that is 0 was never visited."""
    usual: Floats = mean * _LEAST
    np.maximum(usual, slot, out=usual)
    if not slot.min() > 0:
        new = slot == 0
        usual[new] = mean[new]
    np.maximum(usual, _FLOOR, out=usual)
    if age.youngest < AFTER:
        usual[age.values < AFTER] = 1
    return usual


def _settle(age: Age, mean: Floats, change: Floats, move: Floats) -> None:
    """Bring the move of the mean to its gain, of a young series bounded; nothing before that."""
    move *= 1 / _WINDOW
    if age.youngest < _WINDOW + _UNSURE:
        known = np.maximum(age.values - _UNSURE, 1)
        move *= np.maximum(1, _WINDOW / known)
        most = mean * _GROWTH
        most[(age.values < AFTER) | (mean < _FLOOR)] = np.inf
        np.minimum(move, most, out=move)
    if age.youngest < _UNSURE:
        late = age.values >= _UNSURE
        change *= late
        move *= late
