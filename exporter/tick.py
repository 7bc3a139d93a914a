"""The loop body: collect, derive signals, score them, swap in a new Snapshot."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.detectors.scoring import Judgement, Rule, Scorer
from exporter.fence import Fence
from exporter.fitted.models import Models, Plan
from exporter.groups.exposed import columns as group_columns
from exporter.groups.groups import Groups, Terms
from exporter.history.record import Record
from exporter.model import (
    Block,
    BoolArray,
    Column,
    FloatArray,
    LeftOut,
    Metric,
    Sample,
    SeriesKey,
    Snapshot,
    series_text,
)
from exporter.signals.derive import Signals
from exporter.signals.joint import Joint
from exporter.signals.remote import Remote
from exporter.signals.slots import Slots
from exporter.skipping import Skipping
from exporter.unmatched import Unmatched

_FORGET_AFTER = 86_400.0
"""Seconds after which a series that is gone is forgotten, with all that was learned of it."""
_PATIENCE = 0.2
"""Of an interval, how much a tick waits for values from elsewhere; the next takes what is late."""
_RATIOS = ("_ratio", "_utilisation", "_busy")
"""Signals whose names end so lie within 0 and 1."""

SCORE = Metric(
    "tocsin_anomaly_score",
    "How unusual the signal is: 0 is ordinary, 1 the alarm line; low for a while after a peak.",
)
DEVIATION = Metric(
    "tocsin_anomaly_deviation",
    "How improbable the signal's latest step is: 0 is ordinary, 1 the alarm line.",
)
NOVELTY = Metric(
    "tocsin_anomaly_novelty",
    "How far the signal is beyond anything seen of it: 0 is ordinary, 1 the alarm line.",
)
ANOMALIES = Metric("tocsin_anomalies_total", "Alarms of the signal so far.", "counter")
ACTIVE = Metric(
    "tocsin_anomaly_active",
    "1 from an alarm until the signal has been ordinary for `hold`, else 0.",
)
VALUE_TIME = Metric(
    "tocsin_signal_timestamp_seconds",
    "When the latest value of a series that is sent was measured, in seconds since 1970.",
)
VALUE = Metric("tocsin_signal_value", "What the signal is, in its own unit; a counter's rate.")
EXPECTED = Metric("tocsin_expected_value", "What the signal was expected to be, in its own unit.")
LOWER = Metric("tocsin_expected_lower", "The alarm line below the expected value.")
UPPER = Metric("tocsin_expected_upper", "The alarm line above the expected value.")

SIGNALS = Metric(
    "tocsin_signals",
    "Series of signals: scored, warming (too few values yet), missing (no value just now).",
    labels=("state",),
)
SKIPPED = Metric(
    "tocsin_series_skipped_total",
    "Series left out of scoring, counted at every tick.",
    "counter",
    labels=("reason",),
)
TICK_DURATION = Metric("tocsin_tick_duration_seconds", "How long the latest tick took.")
TIMESTAMP = Metric(
    "tocsin_snapshot_timestamp_seconds",
    "When the scores on this page were made, in seconds since 1970.",
)


class Ticker:
    """Scores on a timer, not at scrapes: two scrapers must not feed a detector twice.

    `fence`, `signals`, `models`, `unmatched` and `rule` may be exchanged between ticks; but for
    another `models`, that keeps what was learned.
    """

    def __init__(self, fence: Fence, signals: Signals, scorer: Scorer, rule: Rule) -> None:
        self.fence = fence
        self.signals = signals
        self.rule = rule
        self.remotes: Mapping[str, Remote] = {}
        self.unmatched = Unmatched()
        self.models = Models(Plan())
        self.groups = Groups(())
        self.exposed: frozenset[str] = frozenset()
        """The names of what the collectors gave at the latest tick."""
        self.snapshot: Snapshot | None = None
        self.ticked = asyncio.Event()
        """Set at the end of each tick; who waits for it clears it."""
        self.scorer = scorer
        self.slots = Slots(scorer.capacity, _FORGET_AFTER)
        self.record = Record(scorer.capacity)
        self.sensitivity: Callable[[tuple[SeriesKey, ...]], FloatArray | None] = lambda _: None
        """How many false alarms a week each series may raise; None is the rule's for all."""
        self._joint = Joint(scorer.capacity)
        self._layout = _Layout((), (), np.zeros(0, np.bool_), np.zeros(0, np.bool_))
        self._sent: tuple[tuple[SeriesKey, ...], ...] = ()
        self.skipping = Skipping()
        """Which signals have series that were left out at the latest tick."""

    def exchange(self, remotes: Mapping[str, Remote]) -> None:
        """Take values from these others from now on; what was learned of the series stays."""
        for remote in self.remotes.values():
            remote.cancel()
        self.remotes = dict(remotes)

    @property
    def names(self) -> frozenset[str]:
        """The names of all signals that the configuration has."""
        others = (name for remote in self.remotes.values() for name in remote.names)
        return frozenset([*self.signals.feeds, *others])

    @property
    def layout(self) -> str:
        """Another text where the arrays mean something else."""
        return self.scorer.layout

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return all that is known of each series; the last axis of each array is its row."""
        return {**self.scorer.arrays(), **self.record.arrays()}

    async def run(self) -> None:
        """Tick until cancelled; an error ends it, and with it the process."""
        started = time.monotonic()
        while True:
            await self.tick()
            now = time.monotonic()
            await asyncio.sleep(next_tick(started, self.rule.interval, now) - now)

    async def tick(self) -> Snapshot:
        """Measure and score once, and replace `snapshot`."""
        started, timestamp = time.monotonic(), time.time()
        remotes = tuple(self.remotes.values())  # a reload may exchange them while we wait
        for remote in remotes:
            remote.begin()
        samples = await self.fence.collect()
        self.exposed = frozenset(sample.metric.name for sample in samples)
        own_signals = self.signals.derive(samples, started, timestamp)
        due = started + _PATIENCE * self.rule.interval
        arrived = [(one.lasting, block) for one in remotes for block in await one.take(due)]
        self._sent = tuple(block.keys for lasting, block in arrived if lasting)
        block = self._joint.join([own_signals, *(block for _, block in arrived)])
        self.unmatched.meet(block.keys)
        judgement = self._judge(block, started, timestamp)
        self.models.watch(block, started, np.isfinite(self.record.latest.fields["value"]))
        terms = Terms(self.rule.hold, self.rule.alarms_a_week)
        self.groups.update(block.keys, judgement.score.residual, timestamp, terms)
        self.skipping.meet(self._left_out(), started)
        own = [*self._own(block, judgement), TIMESTAMP.sample(timestamp), *self.models.samples()]
        own += self.unmatched.samples(started)
        own.append(TICK_DURATION.sample(time.monotonic() - started))
        columns = self._columns(block) + self.models.columns(started)
        columns += group_columns(self.groups.states())
        self.snapshot = Snapshot(timestamp, columns, tuple(own))
        self.ticked.set()
        return self.snapshot

    def _skipped(self) -> dict[str, int]:
        """Count the series left out so far by reason, whoever left them out."""
        counts = Counter(self.signals.skipped)
        counts.update(self._joint.skipped)
        counts.update(self.models.skipped)
        counts.update(self.groups.skipped)
        for remote in self.remotes.values():
            counts.update(remote.skipped)
        return dict(counts)

    def _left_out(self) -> Iterator[LeftOut]:
        """Yield which signals' series the tick has left out, whoever did."""
        yield from (self.signals.left_out, self._joint.left_out)
        yield from (self.models.left_out, self.groups.left_out)
        yield from (remote.left_out for remote in self.remotes.values())

    def _judge(self, block: Block, started: float, timestamp: float) -> Judgement:
        place = self.slots.place(block.keys, started)
        self.scorer.wipe(place.fresh)
        judgement = self.scorer.score(
            place.rows,
            block.values,
            block.times,
            self.rule,
            sensitivity=self.sensitivity(block.keys),
            ratios=self._layout_of(block.keys).ratios,
        )
        self.record.note(place, block, judgement, timestamp, self._layout.lasting)
        return judgement

    def _columns(self, block: Block) -> tuple[Column, ...]:
        layout, fields = self._layout_of(block.keys), self.record.latest.fields
        columns = [
            Column(metric, layout.texts, fields[name], digits)
            for metric, (name, digits) in _SHOWN.items()
        ]
        if not layout.lasting.any():
            return tuple(columns)
        times = np.where(layout.lasting, fields["time"], np.nan)
        return (*columns, Column(VALUE_TIME, layout.texts, times))

    def _layout_of(self, keys: tuple[SeriesKey, ...]) -> "_Layout":
        if self._layout.keys is not keys:
            known = dict(zip(self._layout.keys, self._layout.texts, strict=True))
            texts = tuple(known.get(key) or series_text(key) for key in keys)
            sent = {key for keys in self._sent for key in keys}
            lasting = np.array([key in sent for key in keys], np.bool_)
            self._layout = _Layout(keys, texts, ratios_of(keys), lasting)
        return self._layout

    def _own(self, block: Block, judgement: Judgement) -> Iterator[Sample]:
        fields = self.record.latest.fields
        known = np.isfinite(fields["deviation"])
        scored = np.count_nonzero(known)
        shown_again = np.isnan(block.values) & np.isfinite(fields["value"]) & ~known
        warming = judgement.warming + np.count_nonzero(shown_again)
        missing = len(block.keys) - scored - warming
        yield SIGNALS.sample(float(scored), "scored")
        yield SIGNALS.sample(float(warming), "warming")
        yield SIGNALS.sample(float(missing), "missing")
        for reason, count in self._skipped().items():
            yield SKIPPED.sample(float(count), reason)
        for remote in self.remotes.values():
            yield from remote.samples()


def next_tick(started: float, interval: float, now: float) -> float:
    """Return when the next tick is due; those that `now` has missed are left out, not made up."""
    return started + (math.floor((now - started) / interval) + 1) * interval


def ratios_of(keys: Sequence[SeriesKey]) -> BoolArray:
    """Tell the series whose values lie within 0 and 1; shape (series,)."""
    return np.array([key.signal.endswith(_RATIOS) for key in keys], np.bool_)


@dataclass(frozen=True, slots=True)
class _Layout:
    """What follows from the keys of a block, kept until they change."""

    keys: tuple[SeriesKey, ...]
    texts: tuple[str, ...]
    """The rendered labels."""
    ratios: BoolArray
    lasting: BoolArray
    """Which series are sent now and then."""


_SHOWN: Mapping[Metric, tuple[str, int | None]] = {
    VALUE: ("value", None),
    SCORE: ("score", 6),
    DEVIATION: ("deviation", 6),
    NOVELTY: ("novelty", 6),
    ANOMALIES: ("total", None),
    ACTIVE: ("active", None),
    EXPECTED: ("expected", 7),
    LOWER: ("lower", 7),
    UPPER: ("upper", 7),
}
"""What is shown of each series, and in how many digits: no more than single precision has."""
