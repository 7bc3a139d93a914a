"""The level of the mean of the last five values: small shifts that last, and slow ones."""

import numpy as np

from exporter.detectors.contract import Floats, Frame
from exporter.detectors.level import Level

_VALUES = 5


class Mean(Level):
    """A robust local level of a moving mean."""

    deviation = 1.15
    foretells = False

    def watched(self, frame: Frame) -> Floats:
        """Return the mean of the last five values."""
        total: Floats = np.add.reduce(frame.recent[-_VALUES:], axis=0)
        total *= np.float32(1 / _VALUES)
        return total
