"""Rate of change: the step from the value before to this one."""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain


class Change(Plain):
    """Has nothing to learn but the usual size of a step."""

    width = 0
    deviation = 0.8

    def look(self, frame: Frame, state: Floats, cell: Cell | None, out: Floats) -> None:
        """Write value - value before."""
        del state, cell
        np.subtract(frame.recent[-1], frame.recent[-2], out=out)

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> None:
        """Nothing to learn."""
