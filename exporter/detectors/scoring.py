"""From one block of values to scores: learning, scoring and thresholding, one after the other."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.detectors import alarms, tail
from exporter.detectors.alarms import Verdict
from exporter.detectors.contract import Detector
from exporter.model import FloatArray, Score

_WEEK = 604_800.0
_LARGEST = 1e150
"""What is larger cannot be squared, and is no measurement: the largest float says "no limit"."""
IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Rule:
    """What the configuration says about scores; all in seconds."""

    interval: float
    grace: float = 3600.0
    hold: float = 300.0

    @property
    def grace_values(self) -> int:
        """How many values of a series are learned before the first is scored."""
        return math.ceil(self.grace / self.interval)

    @property
    def alarm_rate(self) -> float:
        """How likely an ordinary value is to raise an alarm: one a week, whatever the step."""
        return min(self.interval / _WEEK, 1.0)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of each series of a block after its latest value."""

    score: Score
    verdict: Verdict
    warming: int
    """How many series have a value and are not scored, because too little is known of them."""


class Scorer:
    """Keeps the state of up to `capacity` series in arrays of shape (capacity, width)."""

    def __init__(self, detector: Detector, capacity: int) -> None:
        self.capacity = capacity
        self._detector = detector
        self._learned = np.empty((capacity, detector.width))
        self._tails = np.empty((capacity, tail.WIDTH))
        self._alarms = np.empty((capacity, alarms.WIDTH))
        self._counts = np.empty(capacity)

    @property
    def layout(self) -> str:
        """What the arrays mean."""
        return f"{type(self._detector).__name__} 1"

    def arrays(self) -> dict[str, FloatArray]:
        """Return the live state; the last axis of each array is the row."""
        return {
            "learned": self._learned.T,
            "tails": self._tails.T,
            "alarms": self._alarms.T,
            "counts": self._counts,
        }

    def wipe(self, rows: IntArray) -> None:
        """Make rows new, for series that had none before."""
        self._learned[rows] = np.nan
        self._tails[rows] = tail.START
        self._alarms[rows] = alarms.START
        self._counts[rows] = 0

    def score(self, rows: IntArray, values: FloatArray, rule: Rule, now: float) -> Judgement:
        """Score the values of the series in `rows` against their past, then learn from them."""
        values = np.where(np.abs(values) < _LARGEST, values, np.nan)
        learned, tails = self._learned[rows], self._tails[rows]
        sizes = np.abs(self._detector.innovation(learned, values))
        lines = tail.line(tails, rule.alarm_rate)
        mature = (self._counts[rows] >= rule.grace_values) & np.isfinite(sizes)
        deviation = np.where(mature, sizes / lines, np.nan)
        bands = (np.where(mature, x, np.nan) for x in self._detector.band(learned, lines))
        score = Score(deviation, *bands)
        seen = np.isfinite(values)
        self._learn(rows, values, sizes, lines)
        self._counts[rows] += seen
        standing = self._alarms[rows]
        verdict = alarms.judge(standing, deviation, now, rule.hold)
        self._alarms[rows] = standing
        return Judgement(score, verdict, int(np.count_nonzero(seen & ~mature)))

    def _learn(
        self, rows: IntArray, values: FloatArray, sizes: FloatArray, lines: FloatArray
    ) -> None:
        learned, tails = self._learned[rows], self._tails[rows]
        self._detector.learn(learned, values)
        tail.learn(tails, sizes, lines)
        self._learned[rows] = learned
        self._tails[rows] = tails
