"""Robust local level: how far a value is from where the series has been of late.

A Kalman filter of a random level (Harvey 1989, chapter 2) in its steady state, with
innovations clipped before they teach, so that an outlier moves the level only so far
(Cipra and Romera 1991).
"""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain

GAIN = 0.1
_LEVEL = 0


class Level(Plain):
    """The level follows a tenth of each innovation."""

    foretells = True

    def look(self, frame: Frame, state: Floats, cell: Cell | None, out: Floats) -> None:
        """Write value - level."""
        del cell
        np.subtract(self.watched(frame), state[_LEVEL], out=out)

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> None:
        """Move the level; its gain starts at the plain mean's and ends at its floor."""
        del cell, seen
        state[_LEVEL] += frame.share(1 / GAIN) * step
        if frame.any_fresh:
            state[_LEVEL, frame.fresh] = frame.values[frame.fresh]

    def watched(self, frame: Frame) -> Floats:
        """Return the value whose level this is."""
        return frame.values
