"""The lowest of the last five values: a rise that lasts, which no single peak feigns."""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain

_VALUES = 5


class Low(Plain):
    """Its records count; it is not measured against its usual size."""

    width = 0
    deviation = 0.0
    novelty = 0.8
    leaking = True

    def look(self, frame: Frame, state: Floats, cell: Cell | None) -> Floats:
        """Return the minimum of the last values."""
        del state, cell
        return lowest(frame, _VALUES)

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> None:
        """Nothing to learn."""


def lowest(frame: Frame, values: int) -> Floats:
    """Return the lowest of the last `values`, this one among them."""
    least: Floats = np.minimum.reduce(frame.recent[-values:], axis=0)
    return least
