"""Hour of the week: what this hour did in the weeks before."""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain, Span
from exporter.model import BoolArray

_GAIN = np.float32(0.05)
_KNOWN = 2
_MEAN, _LOW, _HIGH, _FIRST, _VISITS = range(5)
"""Of the hour so far: mean, extremes, and whether it never came before; the slot's visits."""


class Week(Plain):
    """A mean for each of 168 hours (UTC); what goes beyond it further than ever is news.

    While an hour comes for the first time, its values are measured against its mean so far. How
    far they are from what the mean turns out to be is learned afterwards: what happens at the
    top of each hour would else be news a week later.
    """

    width = 5
    slots = 168
    slot_seconds = 3600
    deviation = 0.0
    novelty = 1.0
    leaking = True
    foretells = True

    def look(self, frame: Frame, state: Floats, cell: Cell | None) -> Floats:
        """Return the value's distance from its hour's mean, 0 in an hour not yet known."""
        del state
        assert cell is not None  # noqa: S101 -- the engine hands one to every view with slots
        known = cell.visits >= _KNOWN
        gap: Floats = frame.values - cell.mean
        gap *= known
        return gap

    def recall(self, state: Floats, cell: Cell | None) -> Span | None:
        """Return the extremes of the hour that has just ended, where it came for the first time."""
        assert cell is not None  # noqa: S101 -- the engine hands one to every view with slots
        ended = _begins(state, cell)
        ended &= state[_FIRST] > 0
        if not ended.any():
            return None
        mean, low, high = state[:_FIRST, ended]
        return Span(ended, low - mean, high - mean)

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> None:
        """Move the hour's mean; its gain starts at the plain mean's and ends at its floor."""
        del seen, step
        assert cell is not None  # noqa: S101 -- the engine hands one to every view with slots
        begins = _begins(state, cell)
        if frame.youngest == 0:
            begins |= frame.count == 0
        if begins.any():
            state[_LOW, begins] = state[_HIGH, begins] = frame.values[begins]
            state[_FIRST, begins] = cell.visits[begins] == 0
        np.minimum(state[_LOW], frame.values, out=state[_LOW])
        np.maximum(state[_HIGH], frame.values, out=state[_HIGH])
        visits = np.minimum(cell.visits, 254) + np.uint8(1)
        gain = np.maximum(_GAIN * frame.pace, 1 / visits.astype(np.float32))
        gain *= frame.values - cell.mean
        cell.mean[...] += gain
        cell.visits[...] = visits
        state[_MEAN] = cell.mean
        state[_VISITS] = visits


def _begins(state: Floats, cell: Cell) -> BoolArray:
    """Tell where an hour begins: its slot is not as the value before has left that of its own."""
    begins: BoolArray = cell.visits != state[_VISITS]
    begins |= cell.mean != state[_MEAN]
    return begins
