"""The lowest of the last five values: a rise that lasts, which no single peak feigns."""

from typing import ClassVar

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain


class Low(Plain):
    """Its records count; it is not measured against its usual size."""

    width = 0
    deviation = 0.0
    novelty = 0.8
    leaking = True
    values: ClassVar[int] = 5

    def look(self, frame: Frame, state: Floats, cell: Cell | None, out: Floats) -> None:
        """Write the minimum of the last values."""
        del state, cell
        np.minimum.reduce(frame.recent[-self.values :], axis=0, out=out)

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> None:
        """Nothing to learn."""
