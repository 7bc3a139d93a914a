"""What comes at the same hour of every day: a size that two days had is no news on the third.

A backup at night is a step of many scatters once a day, so seldom that no scale of its hour
learns it. Of each hour (UTC) the largest size of a day is kept until the next two are over.
"""

import numpy as np

from exporter.detectors.contract import Cell, Floats
from exporter.detectors.memory import Slot

SLOTS: dict[str, tuple[int, int]] = dict.fromkeys(("known", "before", "latest"), (24, 3600))
WIDTH = 1
_HOUR = 0
"""The hour that the latest value fell in, from 1; 0 before the first."""
_LEAK = np.float32(0.95)
"""What is left of a known size a day later: a job of working days is still known on Monday."""
_MARGIN = np.float32(1.3)
"""By how much it may be larger than known."""


def begin(state: Floats, hour: Slot, cells: dict[str, Cell]) -> None:
    """Where an hour begins, know what its last two days had in common."""
    begins = state[_HOUR] != np.float32(1) + hour
    if not begins.any():
        return
    known, before, latest = (cells[name].mean for name in SLOTS)
    state[_HOUR] = np.float32(1) + hour
    twice = np.minimum(before[begins], latest[begins])
    known[begins] = np.maximum(known[begins] * _LEAK, twice)
    before[begins] = latest[begins]
    latest[begins] = 0


def raised(line: Floats, cells: dict[str, Cell]) -> Floats:
    """Return the line, at least as high as what is known of this hour."""
    higher: Floats = np.maximum(line, cells["known"].mean * _MARGIN)
    return higher


def learn(sizes: Floats, line: Floats, cells: dict[str, Cell]) -> None:
    """Take in what is beyond its line: what is ordinary says nothing of this hour."""
    beyond = (sizes > line).nonzero()[0]
    if len(beyond):
        latest = cells["latest"].mean
        latest[beyond] = np.maximum(latest[beyond], sizes[beyond])
