"""The latest values of each series, and the vectors that they made: all that fits are made of."""

import numpy as np
from numpy.typing import NDArray

from exporter.fitted.features import FEATURES, describe
from exporter.model import BoolArray, FloatArray

MOST_VECTORS = 4000
"""What a history holds; a model's memory and a fit's time grow with it."""
_GAP = 3600.0
"""Seconds without a value after which a window starts anew."""
_NEARLY = 0.9
"""Ticks are not exact: a vector is kept from this part of its spacing on."""
_LARGEST = 1e150
"""What is larger cannot be squared, and is no measurement."""
_STEP_GAIN = 0.05

IntArray = NDArray[np.intp]


class Windows:
    """State of up to `capacity` series: `length` values each, and vectors of `history` seconds.

    A young series keeps every vector, so that a first fit need not wait. Whenever there is no
    room for more, every second one goes and half as many are kept from then on, until what fits
    in spans `history`; after that the newest replace the oldest. All `times` are seconds since
    1970.
    """

    def __init__(self, capacity: int, length: int, history: float) -> None:
        self._widest = history / MOST_VECTORS * _NEARLY
        self._spacing = np.zeros(capacity)
        """Seconds between the vectors that are kept of each series, at least; 0 for all of them."""
        self._values = np.zeros((capacity, length))
        self._filled = np.zeros(capacity, np.intp)
        self._latest = np.full(capacity, -np.inf)
        self._kept_at = np.full(capacity, -np.inf)
        # Zeros take no memory before they are written to.
        self._history = np.zeros((capacity, MOST_VECTORS, len(FEATURES)))
        self.kept = np.zeros(capacity, np.intp)
        """How many vectors each series has, and once there is no room for more, has had."""
        self.step = np.full(capacity, np.nan)
        """The usual seconds between the values of each series."""

    def wipe(self, rows: IntArray) -> None:
        """Make rows new, for series that had none before."""
        self._filled[rows] = 0
        self._latest[rows] = self._kept_at[rows] = -np.inf
        self.kept[rows] = self._spacing[rows] = 0
        self.step[rows] = np.nan

    def append(self, rows: IntArray, values: FloatArray, times: FloatArray) -> BoolArray:
        """Take in what is new; returns which of `rows` have a new value and a whole window.

        A missing value, and one not newer than the latest, is left out.
        """
        with np.errstate(invalid="ignore"):
            new = (np.abs(values) < _LARGEST) & (times > self._latest[rows])
        at, when = rows[new], times[new]
        passed = when - self._latest[at]
        self._learn_step(at, passed)
        self._filled[at] = np.where(passed > _GAP, 1, self._filled[at] + 1)
        self._latest[at] = when
        self._values[at] = np.column_stack((self._values[at, 1:], values[new]))
        return new & self.whole(rows)

    def _learn_step(self, rows: IntArray, passed: FloatArray) -> None:
        usual = passed <= _GAP
        rows, passed = rows[usual], passed[usual]
        step = np.where(np.isnan(self.step[rows]), passed, self.step[rows])
        self.step[rows] = step + _STEP_GAIN * (np.minimum(passed, 3 * step) - step)

    def vectors(self, rows: IntArray) -> FloatArray:
        """Describe the present windows of `rows`, and keep those whose turn it is."""
        vectors = describe(self._values[rows])
        turn = self._latest[rows] - self._kept_at[rows] >= self._spacing[rows]
        at = rows[turn]
        for row in at[self.kept[at] == MOST_VECTORS].tolist():
            self._make_room(row)
        self._history[at, self.kept[at] % MOST_VECTORS] = vectors[turn]
        self._kept_at[at] = self._latest[at]
        self.kept[at] += 1
        return vectors

    def _make_room(self, row: int) -> None:
        """Thin a full history that spans too little; otherwise its oldest will be replaced."""
        apart = max(self._spacing[row], self.step[row] * _NEARLY)
        if apart < self._widest:
            half = self._history[row, ::2].copy()
            self._history[row, : len(half)] = half
            self.kept[row] = len(half)
        self._spacing[row] = min(2 * apart, self._widest)

    def vectors_a_window(self, rows: IntArray) -> IntArray:
        """Return how many vectors are kept of each series in the time of one window."""
        every = np.ceil(self._spacing[rows] / self.step[rows])
        usual = np.where(every > 1, every, 1)  # a step that is not known yet included
        return np.maximum(1, np.rint(self._values.shape[1] / usual)).astype(np.intp)

    def whole(self, rows: IntArray) -> BoolArray:
        """Tell the series that have a whole window of values."""
        full: BoolArray = self._filled[rows] >= self._values.shape[1]
        return full

    def history(self, row: int) -> FloatArray:
        """Return a copy of the kept vectors of a series, oldest first; shape (n, features)."""
        count = int(self.kept[row])
        if count <= MOST_VECTORS:
            return self._history[row, :count].copy()
        return np.roll(self._history[row], -(count % MOST_VECTORS), axis=0)
