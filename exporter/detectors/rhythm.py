"""How large innovations are at this hour of the day and at this minute of the hour.

What is news at four in the morning may be ordinary at nine, and many machines are busy in
the minutes round the full hour. Innovations are therefore measured in those of their slot.
"""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame

SLOTS: dict[str, tuple[int, int]] = {"hour": (24, 3600), "minute": (60, 60)}
"""How many slots of how many seconds each rhythm has."""
WIDTH = 1
_GAINS = {"hour": np.float32(0.005), "minute": np.float32(0.08)}
_LEAST = np.float32(0.55)
"""A slot is never held to be calmer than this part of the whole."""
AFTER = 50.0
"""From how many values on innovations are measured so."""
_UNSURE = 29.0
_FLOOR = np.float32(0.1)
"""No slot is calmer than this, in usual scatters: a series that has just begun to move."""
_CLIP = np.float32(8.0)
_WINDOW = 3000.0


def scale(frame: Frame, mean: Floats, cell: Cell) -> Floats:
    """Return what innovations of this slot are divided by."""
    usual: Floats = np.maximum(cell.mean, mean * _LEAST)
    if not cell.visits.all():
        new = cell.visits == 0
        usual[new] = mean[new]
    np.maximum(usual, _FLOOR, out=usual)
    if frame.youngest < AFTER:
        usual[frame.count < AFTER] = 1
    return usual


def learn(name: str, frame: Frame, mean: Floats, cell: Cell, parts: tuple[Floats, Floats]) -> None:
    """Take in `parts`, the size before the division and the scale, in place."""
    size, scale = parts
    size = np.minimum(size, scale * _CLIP)
    if not cell.visits.all():
        new = cell.visits == 0
        cell.mean[new] = mean[new]
        cell.visits[new] = 1
    change = size - cell.mean
    change *= _GAINS[name]
    size -= mean
    size *= 1 / _WINDOW
    if frame.youngest < _WINDOW + _UNSURE:
        known = np.maximum(frame.count - _UNSURE, 1)
        size *= np.maximum(1, _WINDOW / known)
    if frame.youngest < _UNSURE:
        late = frame.count >= _UNSURE
        change *= late
        size *= late
        cell.visits[~late] = 0
    cell.mean[...] += change
    mean += size
