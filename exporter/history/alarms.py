"""The alarms of each series: when they were raised, and why the latest one was."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from exporter.history.rings import IntArray
from exporter.model import FloatArray

REMEMBERED = 16
"""How many are known by their time: at one a week, those of the 90 days that a label counts."""
REASON = ("value", "expected", "lower", "upper", "score", "view", "since")
_EARLY = 1.0
"""Seconds by which a person's time may be before the alarm: people write whole seconds."""


class Alarms:
    """Those of up to `capacity` series; the arrays are saved with what was learned of them."""

    def __init__(self, capacity: int) -> None:
        # Zeros that nobody has written cost no memory: the system gives pages as rows are used.
        self._raised = np.zeros((REMEMBERED, capacity))
        """Seconds since 1970, the oldest first; 0 is none."""
        self._reason = np.zeros((len(REASON), capacity))
        self._total = np.full(capacity, np.nan)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the live arrays; the last axis of each is the row."""
        return {
            "alarms.raised": self._raised,
            "alarms.reason": self._reason,
            "alarms.total": self._total,
        }

    def forget(self, rows: IntArray) -> None:
        """Let rows begin anew, for series that had none before."""
        self._raised[:, rows] = 0
        self._total[rows] = 0

    def note(self, rows: IntArray, now: float, fields: Mapping[str, FloatArray]) -> None:
        """Note at `now` the `total` of each series' alarms, NaN where unknown, and the REASON.

        The fields have shape (series,).
        """
        total = fields["total"]
        risen = np.nonzero(total > self._total[rows])[0]
        raised = rows[risen]
        self._raised[:-1, raised] = self._raised[1:, raised]
        self._raised[-1, raised] = now
        self._reason[:, raised] = [fields[name][risen] for name in REASON]
        known = np.isfinite(total)
        self._total[rows[known]] = total[known]

    def latest(self, row: int) -> tuple[float, Mapping[str, float]] | None:
        """Return when the latest alarm was raised and the REASON for it, None before the first."""
        raised = float(self._raised[-1, row])
        reason = dict(zip(REASON, self._reason[:, row].tolist(), strict=True))
        return (raised, reason) if raised else None

    def before(self, row: int, moment: float) -> float | None:
        """Return when the latest alarm was raised that a word at this moment may be about."""
        earlier = [one for one in self.times(row) if one <= moment + _EARLY]
        return earlier[-1] if earlier else None

    def times(self, row: int) -> list[float]:
        """Return when the latest alarms of a row were raised, the oldest first; -1 has none."""
        raised = self._raised[:, row] if row >= 0 else np.zeros(0)
        return [float(one) for one in raised[raised > 0]]
