"""What was last found of series that are sent now and then, for as long as it may be shown."""

from collections.abc import Mapping

import numpy as np

from exporter.model import BoolArray, FloatArray
from exporter.signals.slots import IntArray, Placement

FIELDS = (
    *("value", "time", "score", "deviation", "novelty"),
    *("expected", "lower", "upper", "view"),
)
LASTS = 300.0
"""Seconds for which a value is shown after it was measured: Prometheus looks back as far."""


class Lasting:
    """Keeps the latest value and scores of some series; nothing is scored from that."""

    def __init__(self, capacity: int) -> None:
        # Zeros that nobody has written cost no memory: the system gives pages as rows are used.
        self._kept = np.zeros((len(FIELDS), capacity))

    def forget(self, rows: IntArray) -> None:
        """Let rows begin anew: what they had is of the distant past."""
        self._kept[:, rows] = 0

    def fill(
        self, place: Placement, fields: Mapping[str, FloatArray], some: BoolArray, now: float
    ) -> dict[str, FloatArray]:
        """Return the fields with what `some` series were last, where they have no value now.

        Arrays have shape (series,); `now` is in seconds since 1970.
        """
        filled = dict(fields)
        there = some & np.isfinite(fields["value"])
        self._kept[:, place.rows[there]] = [fields[name][there] for name in FIELDS]
        times = self._kept[FIELDS.index("time"), place.rows]
        again = some & ~there & (now - times <= LASTS)
        if again.any():
            kept = self._kept[:, place.rows[again]]
            for name, values in zip(FIELDS, kept, strict=True):
                filled[name] = fields[name].copy()
                filled[name][again] = values
        return filled
