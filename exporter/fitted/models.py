"""Models beside the scores of the engine: which series have them, when they are due, their scores.

A tick only appends to arrays here, and scores from arrays; fits happen in a worker process.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from exporter.collectors.patterns import NOTHING, Patterns
from exporter.fitted import metrics
from exporter.fitted.contract import Arrays
from exporter.fitted.panel import Fitted, Panel
from exporter.fitted.schedule import Standing, due
from exporter.fitted.windows import MOST_VECTORS, IntArray, Windows
from exporter.model import (
    Block,
    BoolArray,
    Column,
    FloatArray,
    LeftOut,
    Sample,
    SeriesKey,
    series_text,
)
from exporter.signals.slots import Slots

_WEEK = 604_800.0
_FORGET_AFTER = 86_400.0
"""Seconds after which a series that is gone is forgotten, with its models."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the configuration says about models; durations in seconds. Without signals, none."""

    signals: Patterns = NOTHING
    """Which signals have models, by name."""
    methods: tuple[str, ...] = ()
    window: int = 16
    history: float = 86_400.0
    every: float = 21_600.0
    deadline: float = 120.0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Job:
    """A fit that is due: its request, and which series it is for."""

    row: int
    method: int
    name: str
    key: SeriesKey
    request: Arrays


class Models:
    """The models of up to `plan.limit` series, each with every method."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.fits = metrics.Fits(plan.methods)
        self.skipped = {"model_limit": 0}
        """How many series were left out so far, counted again at every tick."""
        self.left_out: LeftOut = {}
        self._slots = Slots(plan.limit, _FORGET_AFTER)
        self._windows = Windows(plan.limit, plan.window, plan.history)
        self._panel = Panel(plan.limit, plan.methods, plan.window)
        self._tried_at = np.full((plan.limit, len(plan.methods)), -np.inf)
        self._fitted_to = np.zeros((plan.limit, len(plan.methods)), np.intp)
        self._layout = _Layout(None, (), np.zeros(0, np.intp), {})
        self._texts: tuple[str, ...] = ()
        self._series_texts: tuple[str, ...] = ()
        self._rows = np.zeros(0, np.intp)
        self._present = np.zeros(0, bool)

    def following(self, plan: Plan) -> "Models":
        """Return models for another plan: these, unless it changes what they are made of.

        Another choice of signals, or other times of fits, are no reason to forget any.
        """
        kept = replace(self.plan, signals=plan.signals, every=plan.every, deadline=plan.deadline)
        if kept != plan:
            return Models(plan)
        self.plan = plan
        self._layout = replace(self._layout, block=None)
        return self

    def watch(self, block: Block, now: float, shown: BoolArray | None = None) -> None:
        """Take in a block at `now`, in monotonic seconds, and score what is new in it.

        Of the series that are `shown`, by default those with a value, scores are shown, too.
        """
        if block.keys is not self._layout.block:
            self._layout = _layout(block.keys, self.plan)
            self._texts = tuple(_texts(self._layout.keys, self.plan.methods))
            self._series_texts = tuple(map(series_text, self._layout.keys))
            lost = self._layout.left_out.items()
            self.left_out = {signal: {"model_limit": count} for signal, count in lost}
        self.skipped["model_limit"] += sum(self._layout.left_out.values())
        self._rows = self._place(now)
        values = block.values[self._layout.chosen]
        self._present = np.isfinite(values) if shown is None else shown[self._layout.chosen]
        whole = self._windows.append(self._rows, values, block.times[self._layout.chosen])
        # After a gap, the score of before it must not stand until the window is whole again.
        self._panel.scores[self._rows[~self._windows.whole(self._rows)]] = np.nan
        if whole.any():
            rows = self._rows[whole]
            self._panel.score(rows, self._windows.vectors(rows), self._rates(rows))

    def _rates(self, rows: IntArray) -> FloatArray:
        """Return how likely a window without news is to raise an alarm: one a week."""
        return np.minimum(self._windows.step[rows] * self.plan.window / _WEEK, 1.0)

    def _place(self, now: float) -> IntArray:
        place = self._slots.place(self._layout.keys, now)
        self._windows.wipe(place.fresh)
        self._panel.wipe(place.fresh)
        self._tried_at[place.fresh] = -np.inf
        self._fitted_to[place.fresh] = 0
        return place.rows

    def columns(self, now: float) -> tuple[Column, ...]:
        """Return what is known of each model; a series without a value just now has none."""
        values = self._panel.expose(self._rows, self._present, now)
        pairs = zip(metrics.OF_MODELS, values, strict=True)
        known = [Column(metric, self._texts, column) for metric, column in pairs]
        vectors = np.minimum(self._windows.kept[self._rows], MOST_VECTORS)
        return (*known, Column(metrics.VECTORS, self._series_texts, vectors.astype(float)))

    def samples(self) -> Iterator[Sample]:
        """Yield how far models are, and what became of the fits."""
        standing = self._standing()
        fitted, enough = np.isfinite(standing.fitted_at), standing.enough
        states = {"learning": ~fitted & ~enough, "due": ~fitted & enough, "fitted": fitted}
        for state, having in states.items():
            for method, count in zip(self.plan.methods, having.sum(axis=0), strict=True):
                yield metrics.STATES.sample(float(count), method, state)
        yield from self.fits.samples()

    def next_job(self, now: float) -> Job | None:
        """Return the fit that has waited longest of those that are due, and note the attempt."""
        wanted = due(self._standing(), self.plan.every, now)
        if not wanted.any():
            return None
        waiting = np.where(wanted, np.nan_to_num(self._panel.fitted_at[self._rows]), np.inf)
        place, method = divmod(int(waiting.argmin()), len(self.plan.methods))
        row = int(self._rows[place])
        self._tried_at[row, method] = now
        self._fitted_to[row, method] = self._windows.kept[row]
        return self._job(row, method, self._layout.keys[place])

    def _standing(self) -> Standing:
        rows, panel = self._rows, self._panel
        return Standing(
            self._windows.kept[rows, None],
            self._windows.vectors_a_window(rows)[:, None],
            panel.fitted_at[rows],
            self._fitted_to[rows],
            self._tried_at[rows],
            panel.drift[rows],
        )

    def _job(self, row: int, method: int, key: SeriesKey) -> Job:
        name = self.plan.methods[method]
        request = {
            "method": np.array(name),
            "vectors": self._windows.history(row),
            "block": self._windows.vectors_a_window(np.array([row]))[0],
            "rate": self._rates(np.array([row]))[0],
            "deadline": np.array(self.plan.deadline),
        }
        return Job(row, method, name, key, request)

    def put(self, job: Job, answer: Arrays, now: float) -> None:
        """Let a fit's answer be the model; raises KeyError or ValueError where it is wrong.

        Of a series that has gone meanwhile, it is of no use.
        """
        fitted = Fitted.load(job.name, answer)
        there = dict(zip(self._layout.keys, self._rows.tolist(), strict=True))
        if there.get(job.key) == job.row:
            self._panel.put(job.row, job.method, fitted, now)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which series of a block have models, kept until the block's layout changes."""

    block: tuple[SeriesKey, ...] | None
    """The keys of the block, by identity; None where signals are to be chosen anew."""
    keys: tuple[SeriesKey, ...]
    chosen: IntArray
    left_out: Mapping[str, int]
    """How many series of each signal the limit left out."""


def _layout(block: tuple[SeriesKey, ...], plan: Plan) -> _Layout:
    meant = {name for name in {key.signal for key in block} if plan.signals.match(name)}
    found = [i for i, key in enumerate(block) if key.signal in meant]
    chosen = found[: plan.limit]
    keys = tuple(block[i] for i in chosen)
    left_out = Counter(block[i].signal for i in found[plan.limit :])
    return _Layout(block, keys, np.array(chosen, np.intp), left_out)


def _texts(keys: tuple[SeriesKey, ...], methods: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        for method in methods:
            yield series_text(key, method=method)
