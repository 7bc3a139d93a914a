"""Hour of the week: what this hour did in the weeks before."""

import numpy as np

from exporter.detectors.contract import Cell, Floats, Frame, Plain

_GAIN = np.float32(0.05)
_KNOWN = 2


class Week(Plain):
    """A mean for each of 168 hours (UTC); what goes beyond it further than ever is news."""

    width = 0
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

    def learn(
        self, frame: Frame, state: Floats, cell: Cell | None, seen: Floats, step: Floats
    ) -> None:
        """Move the hour's mean; its gain starts at the plain mean's and ends at its floor."""
        del state, seen, step
        assert cell is not None  # noqa: S101 -- the engine hands one to every view with slots
        visits = np.minimum(cell.visits, 254) + np.uint8(1)
        gain = np.maximum(_GAIN * frame.pace, 1 / visits.astype(np.float32))
        gain *= frame.values - cell.mean
        cell.mean[...] += gain
        cell.visits[...] = visits
