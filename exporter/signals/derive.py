"""From the samples of one tick to one block of signals."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from exporter.model import Block, LeftOut, Sample, SeriesKey
from exporter.signals.contract import Page, Reading, Source
from exporter.signals.rates import Rates, Raw
from exporter.signals.slots import Slots

MAX_SERIES = 20_000
SKIP_REASONS = ("duplicate", "signal_limit", "total_limit")


@dataclass(frozen=True, slots=True)
class Feed:
    """A signal's source, and how many of its series may enter a block."""

    source: Source
    limit: int = 1000


class Signals:
    """Derives blocks; remembers counters, and what it had to leave out, from tick to tick."""

    def __init__(
        self, feeds: Mapping[str, Feed], max_gap: float, capacity: int = MAX_SERIES
    ) -> None:
        self.feeds = dict(feeds)
        self.max_gap = max_gap
        self.skipped = dict.fromkeys(SKIP_REASONS, 0)
        """How many series were left out so far, counted again at every tick, by reason."""
        self.left_out: LeftOut = {}
        self._capacity = capacity
        self._slots = Slots(capacity, ttl=max_gap)
        self._rates = Rates(capacity)
        self._keys: tuple[SeriesKey, ...] = ()

    def derive(self, samples: Iterable[Sample], now: float, timestamp: float) -> Block:
        """Derive all signals from samples that were read at one moment.

        `now` is that moment in monotonic seconds, `timestamp` the same in seconds since 1970.
        """
        page = _by_name(samples)
        found: dict[SeriesKey, Reading] = {}
        lost = {name: self._take(name, feed, page, found) for name, feed in self.feeds.items()}
        self.left_out = {name: reasons for name, reasons in lost.items() if reasons}
        keys = tuple(found)
        self._keys = self._keys if keys == self._keys else keys
        place = self._slots.place(self._keys, now)
        values = self._rates.advance(place, _raw(found), now, self.max_gap)
        return Block(self._keys, values, np.full(len(values), timestamp))

    def _take(
        self, name: str, feed: Feed, page: Page, found: dict[SeriesKey, Reading]
    ) -> Counter[str]:
        """Add a signal's readings to those found; returns how many were left out, by reason."""
        taken, lost = 0, Counter[str]()
        for reading in feed.source(page):
            key = SeriesKey(name, reading.labels)
            if key in found:
                lost["duplicate"] += 1
            elif len(found) >= self._capacity:
                lost["total_limit"] += 1
            elif taken >= feed.limit:
                lost["signal_limit"] += 1
            else:
                found[key] = reading
                taken += 1
        for reason, count in lost.items():
            self.skipped[reason] += count
        return lost


def _by_name(samples: Iterable[Sample]) -> Page:
    page: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        page[sample.metric.name].append(sample)
    return dict(page)


def _raw(found: Mapping[SeriesKey, Reading]) -> Raw:
    readings = found.values()
    return Raw(
        np.array([reading.value for reading in readings], float),
        np.array([reading.members for reading in readings], float),
        np.array([reading.kind == "counter" for reading in readings], bool),
    )
