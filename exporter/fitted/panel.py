"""The models in force, one for each series and method: scored, calibrated, watched for drift."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.detectors import tail
from exporter.fitted import MODELS
from exporter.fitted.calibration import Calibration
from exporter.fitted.contract import Arrays, Model
from exporter.fitted.features import Scale
from exporter.fitted.windows import IntArray
from exporter.model import BoolArray, FloatArray

_RECENT = 240
"""Over how many values the mean of the score is watched: an hour's at 15 seconds."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a worker made of the vectors of one series."""

    scale: Scale
    model: Model
    calibration: Calibration

    @classmethod
    def load(cls, method: str, arrays: Arrays) -> "Fitted":
        """Take what the worker sent; raises KeyError or ValueError where it is wrong."""
        model = MODELS[method].load(arrays)
        return cls(Scale.load(arrays), model, Calibration.load(arrays))

    def strangeness(self, vector: FloatArray) -> float:
        """Return how little a vector of shape (features,) is like those of the fit."""
        return float(self.model.strangeness(self.scale.apply(vector[None]))[0])


class Panel:
    """State of shape (capacity, methods), NaN where there is no model."""

    def __init__(self, capacity: int, methods: Sequence[str], window: int) -> None:
        shape = (capacity, len(methods))
        self.methods = tuple(methods)
        self.fitted_at = np.full(shape, np.nan)
        """When each model was fitted, on the monotonic clock."""
        self.scores = np.full(shape, np.nan)
        """The latest score of each: 1 is the alarm line."""
        self.drift = np.full(shape, np.nan)
        """How far the mean of the recent scores has moved since the fit, in their scatter then."""
        self._window = window
        self._highest = np.zeros(shape, np.float32)
        """Of the sizes of the present window, which count as one: they share most values."""
        self._scored = np.zeros(shape, np.intp)
        self._tails: NDArray[Any] = np.zeros((*shape, tail.WIDTH), np.float32)
        self._fitted: dict[tuple[int, int], Fitted] = {}

    def wipe(self, rows: IntArray) -> None:
        """Forget the models of rows."""
        for row in rows.tolist():
            for method in range(len(self.methods)):
                self._fitted.pop((row, method), None)
        for state in (self.fitted_at, self.scores, self.drift):
            state[rows] = np.nan

    def put(self, row: int, method: int, fitted: Fitted, now: float) -> None:
        """Let a model replace the one before it, with its line and its drift."""
        self._fitted[row, method] = fitted
        self._tails[row, method] = fitted.calibration.tail
        self.fitted_at[row, method] = now
        self.drift[row, method] = self._highest[row, method] = self._scored[row, method] = 0

    def score(self, rows: IntArray, vectors: FloatArray, rates: FloatArray) -> None:
        """Score one vector of each row; `rates` says how often each may alarm, per window."""
        for method in range(len(self.methods)):
            having = [i for i, row in enumerate(rows.tolist()) if (row, method) in self._fitted]
            if having:
                self._score(method, rows[having], vectors[having], rates[having])

    def _score(self, method: int, rows: IntArray, vectors: FloatArray, rates: FloatArray) -> None:
        fitted = [self._fitted[row, method] for row in rows.tolist()]
        strangeness = [one.strangeness(vector) for one, vector in zip(fitted, vectors, strict=True)]
        measured = list(zip((one.calibration for one in fitted), strangeness, strict=True))
        sizes: NDArray[Any] = np.array([one.size(value) for one, value in measured], np.float32)
        state = self._tails[rows, method]
        lines = tail.line(state, rates, doubt=0.3)
        self.scores[rows, method] = sizes / lines
        self._learn(method, rows, sizes, lines)
        moves = np.array([one.move(value) for one, value in measured])
        self.drift[rows, method] += (moves - self.drift[rows, method]) / _RECENT

    def _learn(self, method: int, rows: IntArray, sizes: NDArray[Any], lines: NDArray[Any]) -> None:
        """Teach the tail the highest size of each window that is over."""
        self._highest[rows, method] = np.maximum(self._highest[rows, method], sizes)
        self._scored[rows, method] += 1
        over = self._scored[rows, method] % self._window == 0
        if over.any():
            at = rows[over]
            state = self._tails[at, method]
            tail.learn(state, self._highest[at, method], lines[over])
            self._tails[at, method] = state
            self._highest[at, method] = 0

    def expose(self, rows: IntArray, present: BoolArray, now: float) -> tuple[FloatArray, ...]:
        """Return scores, drifts and ages, method by method of each row, each of shape (pairs,)."""
        ages = now - self.fitted_at
        states = (self.scores, self.drift, ages)
        return tuple(np.where(present[:, None], state[rows], np.nan).ravel() for state in states)
