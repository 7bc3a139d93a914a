"""All that people have said, and what follows from it for each signal and series."""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np

from exporter.model import FloatArray, Labels, Metric, Sample, SeriesKey
from exporter.quality.figures import Counts
from exporter.quality.journal import Journal
from exporter.quality.records import VERDICTS, Identity, Label, Record, Setting
from exporter.quality.sensitivity import Place, Wish, Wishes

LABELS = Metric(
    "tocsin_signal_labels",
    "What people said of a signal's alarms in the last 90 days: true, false, missed.",
    labels=("signal", "verdict"),
)
PRECISION = Metric(
    "tocsin_signal_precision_ratio", "Labelled alarms that were right.", labels=("signal",)
)
RECALL = Metric(
    "tocsin_signal_recall_ratio",
    "Of what people wanted an alarm for, the part that raised one.",
    labels=("signal",),
)
F1 = Metric("tocsin_signal_f1_ratio", "Harmonic mean of precision and recall.", labels=("signal",))
FAILURES = Metric(
    "tocsin_label_write_failures_total",
    "Labels and sensitivities that were refused because they could not be kept.",
    "counter",
)

MEMORY = 90 * 86_400.0
"""Seconds for which a label counts."""
_MOST_LABELS = 10_000
_MOST_SETTINGS = 10_000
_EXPIRY = 3600.0
"""Every how many seconds old labels are looked for."""
_SPARE_LINES = 1000
"""How many lines that say nothing any more a journal may have beside as many that do."""

_log = logging.getLogger(__name__)


class FullError(Exception):
    """There are as many settings as there may be."""


class Opinions:
    """Labels of the last 90 days and settings; what is new is on disk before it counts."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self._writing = asyncio.Lock()
        self._labels: dict[tuple[Identity, datetime], Label] = {}
        self._settings: dict[Place, float] = {}
        self._wishes = Wishes()
        self._by_signal: Mapping[str, Counts] = {}
        self._special: Counter[str] = Counter()
        self._failures = 0
        self._expired = -np.inf
        self._keys: tuple[SeriesKey, ...] | None = None
        self._alarms = np.zeros(0)

    def configure(self, default: float, signals: Mapping[str, float]) -> None:
        """Take the configuration's sensitivities, in false alarms a week."""
        self._wishes = replace(self._wishes, default=default, configured=dict(signals))
        self._work_out()

    def load(self) -> None:
        """Read what is kept; raises OSError."""
        if self._journal:
            for record in self._journal.load():
                self._take(record)
            self._work_out()

    async def add(self, record: Record) -> bool:
        """Keep a record durably; returns whether it is the first of its alarm or moment.

        Raises OSError where it cannot be kept, and FullError.
        """
        async with self._writing:
            if not self._has_room(record):
                raise FullError(f"there are {_MOST_SETTINGS} sensitivities already; remove some")
            try:
                await asyncio.to_thread(self._keep, record)
            except OSError:
                self._failures += 1
                raise
            new = self._take(record)
            self._work_out()
            await self._tidy()
        return new

    def counts(self, signal: str) -> Counts:
        """Count the labels of a signal."""
        self._expire()
        return self._by_signal.get(signal, Counts())

    def of_signal(self, signal: str) -> float:
        """Return how many false alarms a week are accepted of a signal's series by default."""
        return self._wishes.of_signal(signal)

    def wish(self, signal: str, labels: Labels | None = None) -> Wish:
        """Return what was decided of a signal, or of a series, whose labels are in order."""
        return self._wishes.wish(signal, labels)

    def special(self, signal: str) -> int:
        """Return how many series of a signal have a sensitivity of their own."""
        return self._special[signal]

    def of_series(self, series: Identity) -> float:
        """Return how many false alarms a week are accepted of a series, labels considered."""
        self._expire()
        return self._wishes.of_series(series)

    def alarms_a_week(self, keys: tuple[SeriesKey, ...]) -> FloatArray:
        """Return how many false alarms a week each series may raise, shape (series,).

        Worked out anew only where `keys` is another tuple or somebody has said something.
        """
        self._expire()
        if keys is not self._keys:
            self._keys, self._alarms = keys, self._wishes.of_all(keys)
        return self._alarms

    def samples(self) -> Iterator[Sample]:
        """Yield how often the alarms of labelled signals were right."""
        self._expire()
        for signal, counts in self._by_signal.items():
            for verdict in VERDICTS:
                yield LABELS.sample(float(counts.of(verdict)), signal, verdict)
            figures = ((PRECISION, counts.precision), (RECALL, counts.recall), (F1, counts.f1))
            for metric, value in figures:
                if not np.isnan(value):
                    yield metric.sample(value, signal)
        yield FAILURES.sample(float(self._failures))

    def _has_room(self, record: Record) -> bool:
        fresh = isinstance(record, Setting) and record.place not in self._settings
        return not fresh or len(self._settings) < _MOST_SETTINGS

    def _keep(self, record: Record) -> None:
        if self._journal is None:
            raise OSError("nothing is kept, because `state` is off")
        self._journal.append(record)

    def _take(self, record: Record) -> bool:
        if isinstance(record, Setting):
            known = self._settings.pop(record.place, None)
            if record.sensitivity is not None:
                self._settings[record.place] = record.sensitivity
            return known is None
        place = (record.identity, record.about)
        new = self._labels.pop(place, None) is None
        self._labels[place] = record
        if len(self._labels) > _MOST_LABELS:
            del self._labels[min(self._labels, key=lambda one: one[1])]
        return new

    async def _tidy(self) -> None:
        """Rewrite a journal that mostly has what counts no more; it loses nothing if that fails."""
        records: list[Record] = [*self._labels.values(), *_as_records(self._settings)]
        if self._journal and self._journal.lines > 2 * len(records) + _SPARE_LINES:
            try:
                await asyncio.to_thread(self._journal.rewrite, records)
            except OSError as error:
                _log.warning("the journal of labels stays longer than it need be: %s", error)

    def _expire(self) -> None:
        now = time.time()
        if now - self._expired < _EXPIRY:
            return
        self._expired = now
        old = [place for place in self._labels if place[1].timestamp() < now - MEMORY]
        for place in old:
            del self._labels[place]
        if old:
            self._work_out()

    def _work_out(self) -> None:
        by_signal: defaultdict[str, Counts] = defaultdict(Counts)
        by_series: defaultdict[Identity, Counts] = defaultdict(Counts)
        for label in self._labels.values():
            by_signal[label.signal] = by_signal[label.signal].plus(label.verdict)
            by_series[label.identity] = by_series[label.identity].plus(label.verdict)
        factors = {series: counts.factor for series, counts in by_series.items()}
        self._by_signal = dict(sorted(by_signal.items()))
        self._special = Counter(name for name, own in self._settings if own is not None)
        self._wishes = replace(self._wishes, settings=dict(self._settings), factors=factors)
        self._keys = None


def _as_records(settings: Mapping[Place, float]) -> Iterator[Setting]:
    for (signal, labels), alarms in settings.items():
        own = None if labels is None else dict(labels)
        yield Setting(signal=signal, labels=own, sensitivity=alarms)
