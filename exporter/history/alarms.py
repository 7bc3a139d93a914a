"""When the latest alarms of each series were raised, so that what people say finds its alarm."""

import numpy as np

from exporter.history.rings import MOST_SERIES, IntArray
from exporter.model import FloatArray

_REMEMBERED = 8
_EARLY = 1.0
"""Seconds by which a person's time may be before the alarm: people write whole seconds."""


class Alarms:
    """The latest of up to `capacity` series, since this process began."""

    def __init__(self, capacity: int) -> None:
        self._series = min(capacity, MOST_SERIES)
        self._raised = np.full((_REMEMBERED, self._series), np.nan)
        """Seconds since 1970, the oldest first."""
        self._total = np.full(self._series, np.nan)

    def forget(self, rows: IntArray) -> None:
        """Let rows begin anew, for series that had none before."""
        kept = rows[rows < self._series]
        self._raised[:, kept] = np.nan
        self._total[kept] = 0

    def note(self, rows: IntArray, now: float, total: FloatArray) -> None:
        """Note at `now` how many alarms each series has had so far, NaN where that is unknown."""
        known = (rows < self._series) & np.isfinite(total)
        rows, total = rows[known], total[known]
        risen = rows[total > self._total[rows]]
        self._raised[:-1, risen] = self._raised[1:, risen]
        self._raised[-1, risen] = now
        self._total[rows] = total

    def before(self, row: int, moment: float) -> float | None:
        """Return when the latest alarm was raised that a word at this moment may be about."""
        if not 0 <= row < self._series:
            return None
        raised = self._raised[:, row]
        earlier = raised[raised <= moment + _EARLY]
        return float(earlier[-1]) if len(earlier) else None
