"""How large innovations are at this hour of the day and in these two minutes of the hour.

What is news at four in the morning may be ordinary at nine, and many machines are busy in
the minutes round the full hour. Innovations are therefore measured in those of their slot.
"""

import numpy as np

from exporter.detectors.contract import Floats, Frame

SLOTS: dict[str, tuple[int, int]] = {"hour": (24, 3600), "minutes": (30, 120)}
"""How many slots of how many seconds each rhythm has."""
WIDTH = 1
_GAINS = {"hour": np.float32(0.005), "minutes": np.float32(0.04)}
_LEAST = np.float32(0.55)
"""A slot is never held to be calmer than this part of the whole."""
AFTER = 50.0
"""From how many values on innovations are measured so."""
_UNSURE = 29.0
_FLOOR = np.float32(0.1)
"""No slot is calmer than this, in usual scatters: a series that has just begun to move."""
_VISITED = np.float32(1e-6)
_CLIP = np.float32(8.0)
_WINDOW = 3000.0
_GROWTH = np.float32(0.01)
"""By what part one value may raise the mean of a young series."""


def scale(frame: Frame, mean: Floats, slot: Floats) -> Floats:
    """Return what innovations are divided by; a slot that is 0 was never visited."""
    usual: Floats = np.maximum(slot, mean * _LEAST)
    if not slot.all():
        new = slot == 0
        usual[new] = mean[new]
    np.maximum(usual, _FLOOR, out=usual)
    if frame.youngest < AFTER:
        usual[frame.count < AFTER] = 1
    return usual


def learn(
    name: str, frame: Frame, mean: Floats, slot: Floats, parts: tuple[Floats, Floats]
) -> None:
    """Take in `parts`, the size before the division and the scale, in place."""
    size, scale = parts
    size = np.minimum(size, scale * _CLIP)
    if not slot.all():
        new = (slot == 0) & (frame.count >= _UNSURE)
        slot[new] = np.maximum(mean[new], _VISITED)
    change = size - slot
    change *= _GAINS[name]
    size -= mean
    size *= 1 / _WINDOW
    if frame.youngest < _WINDOW + _UNSURE:
        known = np.maximum(frame.count - _UNSURE, 1)
        size *= np.maximum(1, _WINDOW / known)
        most = mean * _GROWTH
        most[(frame.count < AFTER) | (mean < _FLOOR)] = np.inf
        np.minimum(size, most, out=size)
    if frame.youngest < _UNSURE:
        late = frame.count >= _UNSURE
        change *= late
        size *= late
    slot += change
    mean += size
