"""Since when each series has the value that it has now."""

import numpy as np
from numpy.typing import NDArray

from exporter.history.rings import IntArray
from exporter.model import FloatArray


class Still:
    """Of up to `capacity` series; the arrays are saved with what was learned of them."""

    def __init__(self, capacity: int) -> None:
        self._value = np.full(capacity, np.nan, np.float32)
        self._since = np.full(capacity, np.nan)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the live arrays; the last axis of each is the row."""
        return {"still.value": self._value, "still.since": self._since}

    def forget(self, rows: IntArray) -> None:
        """Let rows begin anew, for series that had none before."""
        self._value[rows] = self._since[rows] = np.nan

    def note(self, rows: IntArray, values: FloatArray, times: FloatArray) -> FloatArray:
        """Take values in, NaN where there is none; returns since when each is what it is.

        All have shape (series,); times are in seconds since 1970.
        """
        with np.errstate(over="ignore"):  # beyond single precision is infinite, and that is still
            exact_enough = values.astype(np.float32)  # as the engine has them
        moved = np.isfinite(values) & (exact_enough != self._value[rows])
        self._value[rows[moved]] = exact_enough[moved]
        self._since[rows[moved]] = times[moved]
        since: FloatArray = self._since[rows]
        return since
