"""Counters to rates per second, for many series at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.model import FloatArray
from exporter.signals.slots import Placement

_VALUE, _TIME, _MEMBERS = range(3)


@dataclass(frozen=True, slots=True)
class Raw:
    """What was read of each series; all of shape (series,)."""

    values: FloatArray
    members: FloatArray
    counters: NDArray[np.bool_]


class Rates:
    """Remembers each counter's last value; state has shape (capacity, 3), NaN where there is none.

    A rate spans the time that truly passed, so a missed tick costs nothing. It is NaN after a
    gap of more than `max_gap` seconds, where an average would hide what happened, and where a
    counter fell: how far it had come before its reset nobody knows, and a count that merely
    slipped back would look like a huge rate if it were taken for a reset to zero.
    """

    def __init__(self, capacity: int) -> None:
        self._state = np.empty((capacity, 3))

    def advance(self, place: Placement, raw: Raw, now: float, max_gap: float) -> FloatArray:
        """Return gauges as they are and counters as rates; `now` is monotonic, in seconds."""
        self._state[place.fresh] = np.nan
        before = self._state[place.rows]
        elapsed = now - before[:, _TIME]
        grown = raw.values - before[:, _VALUE]
        known = (elapsed > 0) & (elapsed <= max_gap) & (grown >= 0)
        known &= before[:, _MEMBERS] == raw.members
        rates = np.full_like(grown, np.nan)
        np.divide(grown, elapsed, out=rates, where=known)
        seen = np.isfinite(raw.values)
        now_column = np.full_like(grown, now)
        after = np.column_stack((raw.values, now_column, raw.members))
        self._state[place.rows[seen]] = after[seen]
        return np.where(raw.counters, rates, raw.values)
