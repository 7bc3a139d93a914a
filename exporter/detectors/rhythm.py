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
    least = mean * _LEAST
    usual = np.where(cell.visits > 0, np.maximum(cell.mean, least), mean)
    np.maximum(usual, _FLOOR, out=usual)
    if frame.youngest < AFTER:
        return np.where(frame.count < AFTER, np.float32(1), usual)
    return usual


def learn(name: str, frame: Frame, mean: Floats, cell: Cell, parts: tuple[Floats, Floats]) -> None:
    """Take in `parts`, the size before the division and the scale, in place."""
    size, scale = parts
    size = np.minimum(size, scale * _CLIP)
    started = np.where(cell.visits > 0, cell.mean, mean)
    late = frame.count >= _UNSURE
    cell.mean[...] = np.where(late, started + _GAINS[name] * (size - started), cell.mean)
    cell.visits[...] = np.where(late, 1, cell.visits)
    known = np.maximum(frame.count - _UNSURE, 1)
    share = np.maximum(1 / _WINDOW, 1 / known).astype(np.float32)
    mean += np.where(late, share * (size - mean), np.float32(0))
