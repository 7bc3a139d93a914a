"""Feeds series to the serving code, value by value, all of them side by side.

A call of the scorer costs about the same for one series as for a hundred, so each call takes
the k-th row of every series that has one. The longest series stand first: those that are still
running are always the first rows, and what belongs to one call lies together in memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from importlib import import_module
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exporter.backtest.series import Series
from exporter.detectors import scoring
from exporter.detectors.scoring import Rule
from exporter.model import BoolArray, FloatArray, Score

COLUMNS = ("anomaly_score", "deviation", "novelty", "expected", "lower", "upper")
_TOTAL, _ACTIVE = len(COLUMNS), len(COLUMNS) + 1
_REPORT_EVERY = 500
IntArray = NDArray[np.intp]
Said = NDArray[np.float32]
"""As exact as the scorer computes, in half the memory."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What the serving code said of each row of a series; the last axis is the row.

    `columns` stand in the order of COLUMNS, NaN where there was no score. `alarms` tells the
    rows that raised an alarm, `active` those within one, and `view` is the index of the speaker.
    """

    series: Series
    sensitivity: float
    columns: Said
    view: NDArray[np.int8]
    alarms: BoolArray
    active: BoolArray

    def column(self, name: str) -> FloatArray:
        """Return one of COLUMNS, of shape (rows,)."""
        column: FloatArray = self.columns[COLUMNS.index(name)].astype(float)
        return column


def replay(
    series: Sequence[Series],
    rule: Rule,
    sensitivities: Sequence[float],
    progress: Callable[[float], None] = lambda _: None,
) -> list[list[Replay]]:
    """Score every series at every sensitivity (false alarms a week), without looking ahead.

    Returns for each sensitivity the replays in the order of `series`; `progress` is told what
    part is done.
    """
    lanes = [_Lane(one, accepted) for accepted in sensitivities for one in series]
    order = sorted(range(len(lanes)), key=lambda i: -len(lanes[i].series.times))
    done = dict(zip(order, _run([lanes[i] for i in order], rule, progress), strict=True))
    count = len(series)
    return [[done[k * count + i] for i in range(count)] for k in range(len(sensitivities))]


class _Lane(NamedTuple):
    """One row of the scorer."""

    series: Series
    sensitivity: float


def _run(lanes: Sequence[_Lane], rule: Rule, progress: Callable[[float], None]) -> list[Replay]:
    """Run lanes, of which the longest stand first."""
    track = _Track.of([len(lane.series.times) for lane in lanes])
    times = track.pack([lane.series.times for lane in lanes])
    values = track.pack([lane.series.values for lane in lanes])
    accepted = np.array([lane.sensitivity for lane in lanes])
    said = np.full((_ACTIVE + 1, len(times)), np.nan, np.float32)
    view = np.full(len(times), -1, np.int8)
    scorer, rows = _Engine(len(lanes), rule), np.arange(len(lanes))
    for k, (start, stop) in enumerate(pairwise(track.offsets)):
        at, live = slice(start, stop), slice(0, stop - start)
        judgement = scorer.score(rows[live], values[at], times[at], accepted[live])
        _note(judgement, said[:, at], view[at])
        if k % _REPORT_EVERY == 0:
            progress(start / len(times))
    places = [track.places(row) for row in range(len(lanes))]
    return [_replay(lane, said[:, at], view[at]) for lane, at in zip(lanes, places, strict=True)]


class _Engine:
    """The scorer, as it is or as it is about to be; goes once there are times of their own."""

    def __init__(self, capacity: int, rule: Rule) -> None:
        self._timed = "novelty" in {field.name for field in fields(Score)}
        make: Any = scoring.Scorer
        first = () if self._timed else (import_module("exporter.detectors").LocalLevel(),)
        self._scorer: Any = make(*first, capacity)
        self._scorer.wipe(np.arange(capacity))
        self._rule = rule

    def score(
        self, rows: IntArray, values: FloatArray, times: FloatArray, accepted: FloatArray
    ) -> Any:
        if self._timed:
            return self._scorer.score(rows, values, times, self._rule, accepted)
        return self._scorer.score(rows, values, self._rule, float(times.max()))


@dataclass(frozen=True, slots=True)
class _Track:
    """Where the rows of lanes, the longest first, lie when sorted by the call that takes them.

    `offsets` has the start of each call's rows, and the end of the last one's.
    """

    lengths: Sequence[int]
    offsets: IntArray

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "_Track":
        longest = max(lengths, default=0)
        # How many lanes are longer than k: all but those that have ended by then.
        ended = np.cumsum(np.bincount(np.array(lengths, np.intp), minlength=longest + 1))
        live = len(lengths) - ended[:longest]
        return cls(lengths, np.concatenate(([0], np.cumsum(live))).astype(np.intp))

    def places(self, lane: int) -> IntArray:
        """Return where the rows of one lane lie."""
        return self.offsets[: self.lengths[lane]] + lane

    def pack(self, columns: Sequence[FloatArray]) -> FloatArray:
        packed = np.empty(int(self.offsets[-1]))
        for lane, column in enumerate(columns):
            packed[self.places(lane)] = column
        return packed


def _note(judgement: Any, said: Said, view: NDArray[np.int8]) -> None:
    """Write down what one call has said, a column for each series."""
    score, verdict = judgement.score, judgement.verdict
    novelty = getattr(score, "novelty", score.deviation)
    scores = (verdict.score, score.deviation, novelty)
    bounds = (score.expected, score.lower, score.upper)
    for row, column in zip(said, (*scores, *bounds, verdict.total, verdict.active), strict=True):
        row[:] = column
    view[:] = getattr(score, "view", -1)


def _replay(lane: _Lane, own: Said, view: NDArray[np.int8]) -> Replay:
    raised = np.diff(np.nan_to_num(own[_TOTAL]), prepend=0.0) > 0
    active = own[_ACTIVE] > 0
    return Replay(lane.series, lane.sensitivity, own[:_TOTAL], view, raised, active)
