"""Feeds series to the serving code, value by value, all of them side by side.

A call of the scorer costs about the same for one series as for a hundred, so each call takes
the k-th row of every series that has one. The longest series stand first: those that are still
running are always the first rows, and what belongs to one call lies together in memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exporter.backtest.series import Series
from exporter.backtest.track import Track
from exporter.detectors.scoring import Judgement, Rule, Scorer
from exporter.model import BoolArray, FloatArray

COLUMNS = ("anomaly_score", "deviation", "novelty", "expected", "lower", "upper")
_TOTAL, _ACTIVE = len(COLUMNS), len(COLUMNS) + 1
_REPORT_EVERY = 500
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

    The rule's interval is replaced by each series' own step. Returns for each sensitivity the
    replays in the order of `series`; `progress` is told what part is done.
    """
    lanes = [_Lane(one, accepted) for accepted in sensitivities for one in series]
    done: dict[int, Replay] = {}
    total, before = sum(len(lane.series.times) for lane in lanes), 0
    for step, group in _by_step(lanes):

        def tell(points: int, before: int = before) -> None:
            progress((before + points) / total)

        ran = _run([lanes[i] for i in group], replace(rule, interval=step), tell)
        done |= zip(group, ran, strict=True)
        before += sum(len(lanes[i].series.times) for i in group)
    count = len(series)
    return [[done[k * count + i] for i in range(count)] for k in range(len(sensitivities))]


class _Lane(NamedTuple):
    """One row of the scorer."""

    series: Series
    sensitivity: float


def _by_step(lanes: Sequence[_Lane]) -> Iterator[tuple[float, list[int]]]:
    """Yield each step in seconds with the indices of its lanes, the longest first.

    The grace period is counted in values, so that one rule holds for one step.
    """
    groups: dict[float, list[int]] = {}
    for i, lane in enumerate(lanes):
        groups.setdefault(step_of(lane.series.times), []).append(i)
    for step, group in groups.items():
        yield step, sorted(group, key=lambda i: -len(lanes[i].series.times))


def step_of(times: FloatArray) -> float:
    """Return the usual time between values, in whole seconds from 1 on."""
    gaps = np.diff(times)
    gaps = gaps[gaps > 0]
    step = float(np.median(gaps)) if gaps.size else 1.0
    return float(round(step)) if step >= 1 else float(f"{step:.1g}")


def _run(lanes: Sequence[_Lane], rule: Rule, tell: Callable[[int], None]) -> list[Replay]:
    """Run lanes, of which the longest stand first."""
    track = Track.of([len(lane.series.times) for lane in lanes])
    times = track.pack([lane.series.times for lane in lanes])
    values = track.pack([lane.series.values for lane in lanes])
    accepted = np.array([lane.sensitivity for lane in lanes])
    said = np.full((_ACTIVE + 1, len(times)), np.nan, np.float32)
    view = np.full(len(times), -1, np.int8)
    scorer, rows = Scorer(len(lanes)), np.arange(len(lanes))
    scorer.wipe(rows)
    for k, (start, stop) in enumerate(pairwise(track.offsets)):
        at, live = slice(start, stop), slice(0, stop - start)
        judgement = scorer.score(rows[live], values[at], times[at], rule, accepted[live])
        _note(judgement, said[:, at], view[at])
        if k % _REPORT_EVERY == 0:
            tell(int(start))
    places = [track.places(row) for row in range(len(lanes))]
    return [_replay(lane, said[:, at], view[at]) for lane, at in zip(lanes, places, strict=True)]


def _note(judgement: Judgement, said: Said, view: NDArray[np.int8]) -> None:
    """Write down what one call has said, a column for each series."""
    score, verdict = judgement.score, judgement.verdict
    scores = (verdict.score, score.deviation, score.novelty)
    bounds = (score.expected, score.lower, score.upper)
    for row, column in zip(said, (*scores, *bounds, verdict.total, verdict.active), strict=True):
        row[:] = column
    view[:] = score.view


def _replay(lane: _Lane, own: Said, view: NDArray[np.int8]) -> Replay:
    raised = np.diff(np.nan_to_num(own[_TOTAL]), prepend=0.0) > 0
    active = own[_ACTIVE] > 0
    return Replay(lane.series, lane.sensitivity, own[:_TOTAL], view, raised, active)
