"""Signals whose values are sent here: business values, model features."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.model import Block, LeftOut, Metric, Sample, SeriesKey

MAX_SERIES = 10_000
OUTCOMES = ("taken", "late", "superseded", "series_limit")
OBSERVATIONS = Metric(
    "tocsin_observations_total",
    "Observations that were sent, by what became of them.",
    "counter",
    labels=("outcome",),
)
_FORGET_AFTER = 3600.0
"""Seconds after which a series without a new value is no longer waited for."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One value that was sent, and when it was measured, in seconds since 1970."""

    key: SeriesKey
    value: float
    time: float


class Pushed:
    """Keeps the newest value of each series until a tick takes it."""

    trouble = ""
    names = ()  # whatever is sent makes a signal
    lasting = True

    def __init__(self, limit: int = MAX_SERIES) -> None:
        self.skipped: dict[str, int] = {}
        self.left_out: LeftOut = {}
        self.counts = Counter(dict.fromkeys(OUTCOMES, 0))
        self._limit = limit
        self._latest: dict[SeriesKey, float] = {}
        self._waiting: dict[SeriesKey, Observation] = {}
        self._keys: tuple[SeriesKey, ...] = ()

    def push(self, observations: Iterable[Observation]) -> Counter[str]:
        """Take what is news; returns how many were taken, and why the others were not."""
        outcomes = Counter(self._outcome(one) for one in observations)
        self.counts.update(outcomes)
        return outcomes

    def samples(self) -> Iterator[Sample]:
        """Say what became of all that was sent."""
        for outcome, count in self.counts.items():
            yield OBSERVATIONS.sample(float(count), outcome)

    def begin(self) -> None:
        """Do nothing: others begin here."""

    def cancel(self) -> None:
        """Do nothing: there is nothing under way."""

    async def take(self, due: float) -> list[Block]:
        """Return what has come since the last tick."""
        del due  # what has not come yet is not waited for
        now = time.time()
        self._forget(now - _FORGET_AFTER)
        keys = tuple(self._latest)
        self._keys = self._keys if keys == self._keys else keys
        waiting, self._waiting = self._waiting, {}
        nothing = Observation(SeriesKey(""), np.nan, now)
        there = [waiting.get(key, nothing) for key in self._keys]
        values = np.array([one.value for one in there], float)
        return [Block(self._keys, values, np.array([one.time for one in there], float))]

    def export(self) -> tuple[dict[str, NDArray[np.generic]], dict[str, Any]]:
        """Return which series are waited for, and when the latest value of each was measured."""
        return {}, {"series": [[*key, latest] for key, latest in self._latest.items()]}

    def restore(
        self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any], now: float
    ) -> None:
        """Wait again for those of `export`, so that an alarm that lasts stays on the page."""
        del arrays
        for signal, labels, latest in meta["series"][: self._limit]:
            key = SeriesKey(str(signal), tuple((str(name), str(text)) for name, text in labels))
            if now - _FORGET_AFTER < latest <= now:
                self._latest.setdefault(key, float(latest))

    def _outcome(self, one: Observation) -> str:
        latest = self._latest.get(one.key)
        if latest is None and len(self._latest) >= self._limit:
            return "series_limit"
        if latest is not None and one.time <= latest:
            return "late"
        if one.key in self._waiting:
            self.counts["taken"] -= 1  # the one before, which no tick has seen
            self.counts["superseded"] += 1
        self._latest[one.key] = one.time
        self._waiting[one.key] = one
        return "taken"

    def _forget(self, before: float) -> None:
        for key in [key for key, latest in self._latest.items() if latest < before]:
            del self._latest[key]
            self._waiting.pop(key, None)
