"""From a block of values to scores: learning, scoring and thresholding, one after the other."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from exporter.detectors import alarms, frames, panel, scales, tail
from exporter.detectors.alarms import Evidence, Verdict
from exporter.detectors.contract import Floats, Frame, IntArray
from exporter.detectors.memory import Fields, Memory, Place, pick, place_of
from exporter.detectors.panel import SPEAKERS, Context
from exporter.model import BoolArray, FloatArray, Score

__all__ = ["SPEAKERS", "Judgement", "Rule", "Scorer"]
LARGEST = 1e16
"""What is larger cannot be squared twice in single precision, and says "no limit" anyway."""
_AT_ONCE = 16_384
"""How many series at most are worked on at a time, so that what is in hand stays in the cache."""
_LEAST_VALUES = 10
_FORMAT = "2"
_COLUMNS = (
    *("score", "total", "active"),
    *("deviation", "novelty", "residual", "expected", "lower", "upper"),
)
_SCORE, _TOTAL, _ACTIVE, _DEVIATION = range(4)
_EXPECTED = 6
_NONE: IntArray = np.zeros(0, np.intp)


@dataclass(frozen=True, slots=True)
class Rule:
    """What the configuration says about scores; times in seconds."""

    interval: float
    grace: float = 3600.0
    """For how long a series is learned before it is scored."""
    hold: float = 300.0
    alarms_a_week: float = 1.0
    """How many false alarms of an ordinary series are accepted."""

    @property
    def grace_values(self) -> int:
        """How many values of a series are learned before the first is scored."""
        return math.ceil(self.grace / self.interval)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is known of each series of a block after its latest value."""

    score: Score
    verdict: Verdict
    warming: int
    """How many series have a value and are not scored, because too little is known of them."""
    late: int = 0
    """How many values were not newer than their series' latest, and so not taken."""


@dataclass(frozen=True, slots=True)
class _Input:
    """A block's values, times, accepted alarms a week and which are ratios; all (series,)."""

    rows: IntArray
    values: FloatArray
    times: FloatArray
    alarms: Floats
    ratios: BoolArray
    absent: IntArray = field(default_factory=lambda: _NONE)
    """Which have no value but a stand-in, from which nothing is to be learned."""

    def part(self, where: slice | IntArray) -> "_Input":
        return _Input(
            self.rows[where],
            self.values[where],
            self.times[where],
            self.alarms[where],
            self.ratios[where],
        )


class Scorer:
    """Keeps the state of up to `capacity` series in arrays whose last axis is the series."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        widths = {"frame": frames.WIDTH, "alarms": alarms.WIDTH, **panel.WIDTHS}
        slots = {name: number for name, (number, _) in panel.CLOCKED.items()}
        fields = Fields.of(widths)
        self._parts = fields.parts
        self._memory = Memory(fields, slots, panel.SLOTTED, capacity)
        self._clocks = np.full((frames.CLOCKS + alarms.CLOCKS, capacity), -np.inf)
        names = [f"{name}:{width}" for name, width in widths.items()]
        self.layout = " ".join([_FORMAT, *names, *(f"{k}/{n}" for k, n in slots.items())])
        """Another text where the arrays mean something else."""

    def wipe(self, rows: IntArray) -> None:
        """Make rows new, for series that had none before."""
        self._memory.wipe(rows)
        self._clocks[:, rows] = -np.inf
        self._memory.fields[self._parts["tail"], rows] = np.array([tail.START]).T

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the live state; the last axis of each array is the row."""
        return {**self._memory.arrays(), "clocks": self._clocks}

    def score(
        self,
        rows: IntArray,
        values: FloatArray,
        times: FloatArray,
        rule: Rule,
        sensitivity: FloatArray | None = None,
        ratios: BoolArray | None = None,
    ) -> Judgement:
        """Score the values of the series in `rows` against their past, then learn from them.

        `times` are seconds since 1970; `sensitivity` is the number of false alarms a week that
        each series may raise, by default the rule's; `ratios` tells those within 0 and 1.
        """
        count = len(rows)
        if sensitivity is None:
            sensitivity = np.full(count, rule.alarms_a_week, np.float32)
        if ratios is None:
            ratios = np.zeros(count, np.bool_)
        whole = _Input(rows, values, times, sensitivity.astype(np.float32, copy=False), ratios)
        out = np.empty((len(_COLUMNS), count))
        view = np.full(count, -1, np.int8)
        taken = late = 0
        for part in _blocks(count):
            with np.errstate(over="ignore"):  # ratios to a scatter of nearly nothing, cut off later
                done = self._score_part(whole.part(part), rule, out[:, part], view[part])
            taken, late = taken + done[0], late + done[1]
        columns = dict(zip(_COLUMNS, out, strict=True))
        verdict = Verdict(*(columns.pop(name) for name in ("score", "total", "active")))
        scored = int(np.count_nonzero(np.isfinite(columns["deviation"])))
        return Judgement(Score(**columns, view=view), verdict, taken - scored, late)

    def replay(
        self,
        rows: IntArray,
        values: FloatArray,
        times: FloatArray,
        rule: Rule,
        sensitivity: FloatArray | None = None,
        ratios: BoolArray | None = None,
    ) -> None:
        """Learn from the past as `score` does, but count none of its alarms: they are history."""
        total = self._parts["alarms"].start + alarms.TOTAL
        before = self._memory.fields[total, rows]
        self.score(rows, values, times, rule, sensitivity, ratios)
        self._memory.fields[total, rows] = before

    def latest(self, rows: IntArray) -> FloatArray:
        """Return the time of each row's latest value, -inf where there has been none."""
        times: FloatArray = self._clocks[frames.LAST, rows]
        return times

    def _score_part(
        self, block: _Input, rule: Rule, out: FloatArray, view: NDArray[np.int8]
    ) -> tuple[int, int]:
        """Score what is there and in time; return how many were taken and how many were late."""
        place = place_of(block.rows)
        usable = np.abs(block.values) < LARGEST
        frame_state = self._memory.fields[self._parts["frame"], place]
        late = frames.late(self._clocks[:, place], frame_state, block.times)
        tardy = 0
        if late is not None:
            tardy = int(np.count_nonzero(usable & late))
            usable &= ~late
        absent = (~usable).nonzero()[0]
        if not len(absent):
            self._score_present(block, place, rule, out, view)
        elif isinstance(place, slice) and len(absent) * 2 <= len(usable):
            self._score_around(block, absent, rule, out, view)
        else:
            out[:] = np.nan
            self._score_some(block, np.nonzero(usable)[0], rule, out, view)
        alarm_state, clocks = self._memory.fields[self._parts["alarms"], place], self._clocks
        out[_TOTAL], out[_ACTIVE] = alarms.standing(
            alarm_state, clocks[frames.CLOCKS :, place], block.times, rule.hold
        )
        return len(usable) - len(absent), tardy

    def _score_some(
        self,
        block: _Input,
        chosen: IntArray,
        rule: Rule,
        out: FloatArray,
        view: NDArray[np.int8],
    ) -> None:
        """Score those of a block that have a value."""
        if not len(chosen):
            return
        some, views = np.empty((len(_COLUMNS), len(chosen))), view[chosen]
        present = block.part(chosen)
        self._score_present(present, place_of(present.rows), rule, some, views)
        out[:, chosen] = some
        view[chosen] = views

    def _score_around(
        self, block: _Input, absent: IntArray, rule: Rule, out: FloatArray, view: NDArray[np.int8]
    ) -> None:
        """Score a block in place with a value for the few that have none, then undo what it did."""
        rows = block.rows[absent]
        fields, clocks = pick(self._memory.fields, rows), pick(self._clocks, rows)
        values, times = block.values.copy(), block.times.copy()
        values[absent] = fields[self._parts["frame"]][frames.VALUE]
        times[absent] = np.delete(times, absent).max()
        self._score_present(
            replace(block, values=values, times=times, absent=absent),
            place_of(block.rows),
            rule,
            out,
            view,
        )
        self._memory.fields[:, rows], self._clocks[:, rows] = fields, clocks
        out[:, absent] = np.nan
        view[absent] = -1

    def _score_present(
        self, block: _Input, place: Place, rule: Rule, out: FloatArray, view: NDArray[np.int8]
    ) -> None:
        """Score a block without gaps, and learn from it."""
        state, clocks = pick(self._memory.fields, place), pick(self._clocks, place)
        values = scales.bend(block.values, block.ratios).astype(np.float32)
        frame = frames.begin(clocks, state[self._parts["frame"]], values, block.times)
        ages = (block.times - clocks[frames.BORN]).astype(np.float32)
        parts = {name: state[part] for name, part in self._parts.items()}
        context = Context(parts, self._memory, place, block.times, ages, block.alarms, block.absent)
        opinion = panel.hear(frame, context)
        mature = _mature(frame, rule)
        evidence = Evidence(
            values,
            opinion.deviation,
            opinion.novelty,
            opinion.expected,
            opinion.lower,
            opinion.upper,
            mature,
        )
        out[_SCORE] = alarms.judge(
            parts["alarms"], clocks[frames.CLOCKS :], evidence, block.times, rule.hold
        )
        frames.end(parts["frame"])
        for column, name in enumerate(_COLUMNS[_DEVIATION:], _DEVIATION):
            out[column] = getattr(opinion, name)
        if block.ratios.any():
            out[_EXPECTED:] = scales.unbend(out[_EXPECTED:], block.ratios)
        view[:] = opinion.view
        if not mature.all():
            early = ~mature
            out[_SCORE, early] = np.nan
            out[_DEVIATION:, early] = np.nan
            view[early] = -1
        if not isinstance(place, slice):
            self._memory.fields[:, place] = state
            self._clocks[:, place] = clocks


def _blocks(count: int) -> Iterator[slice]:
    """Divide so many series evenly, since each block costs its calls, however small it is."""
    blocks = math.ceil(count / _AT_ONCE)
    for block in range(blocks):
        yield slice(block * count // blocks, (block + 1) * count // blocks)


def _mature(frame: Frame, rule: Rule) -> BoolArray:
    """Tell the series of which enough is known for a score."""
    known: BoolArray = frame.count >= max(rule.grace_values, _LEAST_VALUES)
    return known
