"""The lowest of the last twenty values: a rise that lasts longer still."""

from exporter.detectors.contract import Cell, Floats, Frame
from exporter.detectors.low import Low, lowest

_VALUES = 20


class LongLow(Low):
    """As `Low`, over four times as many values."""

    novelty = 0.85

    def look(self, frame: Frame, state: Floats, cell: Cell | None) -> Floats:
        """Return the minimum of the last values."""
        del state, cell
        return lowest(frame, _VALUES)
