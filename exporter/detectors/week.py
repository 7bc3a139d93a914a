"""The season of the week: a mean for each of its hours, which gives it a band of its own."""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain, Span
from exporter.model import BoolArray

_GAIN = np.float32(0.05)
_KNOWN = 2
_MEAN, _LOW, _HIGH, _FIRST, _VISITS, _BEFORE, _DRIFT, _RETURNED = range(8)
"""Of the hour so far: mean, extremes, and whether it never came before; the slot's visits, and
its mean a week ago. Then how much higher the series is than a week ago, and for how many values,
in steps of five minutes, that could be told."""
_SURE = np.float32(12.0)
_WINDOW = np.float32(2016.0)
"""The drift is believed after an hour, and follows a week's."""


class Week(Plain):
    """A mean for each of 168 hours (UTC); what goes beyond it further than ever is news.

    While an hour comes for the first time, its values are measured against its mean so far. How
    far they are from what the mean turns out to be is learned afterwards: what happens at the
    top of each hour would else be news a week later. When it comes again its mean moves by what
    all hours have drifted in a week: a disk that fills as steadily as ever is no news.
    """

    width = 8
    slots = 168
    slot_seconds = 3600
    deviation = 0.0
    novelty = 1.0
    leaking = True
    foretells = True

    def look(self, frame: Frame, state: Floats, cell: Cell | None, out: Floats) -> None:
        """Write the value's distance from its hour's mean, 0 in an hour not yet known."""
        assert cell is not None  # noqa: S101 -- the engine hands one to every view with slots
        known, begins = cell.visits >= _KNOWN, _begins(state, cell)
        sure = state[_RETURNED] >= _SURE
        if not sure.all():  # nobody knows yet how much higher the series is than a week ago
            known &= sure | ((state[_FIRST] > 0) & ~begins)
        np.subtract(frame.values, cell.mean, out=out)
        if begins.any():
            out -= state[_DRIFT] * begins
        if not known.all():
            out *= known

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> Span | None:
        """Move the hour's mean; its gain starts at the plain mean's and ends at its floor."""
        del seen, step
        assert cell is not None  # noqa: S101 -- the engine hands one to every view with slots
        begins, ended = _begins(state, cell), None
        if frame.youngest == 0:
            begins |= frame.count == 0
        if begins.any():
            ended = _end(state, begins)
            _begin(frame, state, cell, begins)
        np.minimum(state[_LOW], frame.values, out=state[_LOW])
        np.maximum(state[_HIGH], frame.values, out=state[_HIGH])
        visits = np.minimum(cell.visits, 254) + np.uint8(1)
        gain = np.maximum(_GAIN * frame.pace, 1 / visits.astype(np.float32))
        gain *= frame.values - cell.mean
        cell.mean[...] += gain
        cell.visits[...] = visits
        _drift(frame, state, cell)
        state[_MEAN] = cell.mean
        state[_VISITS] = visits
        return ended


def _end(state: Floats, begins: BoolArray) -> Span | None:
    """Return the extremes of the hour that has just ended, where it came for the first time."""
    ended = (begins & (state[_FIRST] > 0)).nonzero()[0]
    mean, low, high = state[:_FIRST, ended]
    return Span(ended, low - mean, high - mean) if len(ended) else None


def _begin(frame: Frame, state: Floats, cell: Cell, begins: BoolArray) -> None:
    """Begin an hour: one that comes again is where all hours have drifted to in a week."""
    state[_LOW, begins] = state[_HIGH, begins] = frame.values[begins]
    state[_FIRST, begins] = cell.visits[begins] == 0
    state[_BEFORE, begins] = cell.mean[begins]
    cell.mean[begins] += state[_DRIFT, begins] * (state[_FIRST, begins] == 0)


def _drift(frame: Frame, state: Floats, cell: Cell) -> None:
    """Learn how much higher the values are than those of a week ago."""
    returns = state[_FIRST] == 0
    if not returns.any():
        return
    always = bool(returns.all())
    state[_RETURNED] += frame.pace if always else frame.pace * returns
    change: Floats = frame.values - state[_BEFORE]
    change -= state[_DRIFT]
    change *= frame.pace / np.maximum(np.minimum(state[_RETURNED], _WINDOW), frame.pace)
    if not always:
        change *= returns
    state[_DRIFT] += change
    unsure = returns & (state[_RETURNED] < _SURE)
    if unsure.any():
        cell.mean[unsure] = state[_BEFORE, unsure] + state[_DRIFT, unsure]


def _begins(state: Floats, cell: Cell) -> BoolArray:
    """Tell where an hour begins: its slot is not as the value before has left that of its own."""
    begins: BoolArray = cell.visits != state[_VISITS]
    begins |= cell.mean != state[_MEAN]
    return begins
