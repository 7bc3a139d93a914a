"""From counts of labels to figures: how often alarms were right, and how sensitive to be."""

import math
from dataclasses import dataclass, replace

from exporter.quality.records import Verdict

_MOST = 20.0
"""By which factor labels may change how many alarms a series is allowed."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many labels of each kind there are."""

    true: int = 0
    false: int = 0
    missed: int = 0

    def of(self, verdict: Verdict) -> int:
        """Return one of the counts."""
        counts: dict[Verdict, int] = {
            "true": self.true,
            "false": self.false,
            "missed": self.missed,
        }
        return counts[verdict]

    def plus(self, verdict: Verdict) -> "Counts":
        """Count one more."""
        return replace(self, **{verdict: self.of(verdict) + 1})

    @property
    def precision(self) -> float:
        """How many of the alarms were right; NaN without any."""
        return _ratio(self.true, self.true + self.false)

    @property
    def recall(self) -> float:
        """How many of what should have been alarms were; NaN without any."""
        return _ratio(self.true, self.true + self.missed)

    @property
    def f1(self) -> float:
        """The harmonic mean of the two, NaN where neither is known."""
        return _ratio(2 * self.true, 2 * self.true + self.false + self.missed)

    @property
    def factor(self) -> float:
        """By how much to multiply the alarms a week: more where some were missed."""
        wanted, raised = self.true + self.missed, self.true + self.false
        return min(max((wanted + 1) / (raised + 1), 1 / _MOST), _MOST)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
