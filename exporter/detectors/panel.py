"""All views at once: what each makes of a block, the deviation and the novelty, and why.

The deviation is the largest standardised innovation, measured in those of its hour and
minute, against a line of the series' own. Flat lines and lost periods have lines of their
own; each kind of alarm has its share of the rate at which false ones are allowed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.detectors import (
    DETECTORS,
    daily,
    flat,
    novelty,
    period,
    rhythm,
    scatter,
    sparse,
    tail,
)
from exporter.detectors.contract import Cell, Floats, Frame, IntArray, between
from exporter.detectors.memory import Memory, Place, slots_of
from exporter.model import FloatArray

SCATTERED = tuple(name for name, view in DETECTORS.items() if view.deviation)
RECORDED = novelty.recorded(DETECTORS)
SPEAKERS = (*SCATTERED, "flat", "period", *RECORDED)
"""Who may be the loudest: an index into this is the reason of a score."""
_FLAT, _PERIOD, _NOVEL = range(len(SCATTERED), len(SCATTERED) + 3)

SHARES = {"deviation": np.float32(0.25), "flat": np.float32(0.1), "period": np.float32(0.1)}
"""What part of the false alarms each may cause; the rest is left to the records."""

WIDTHS = {
    **{name: view.width for name, view in DETECTORS.items()},
    "scatter": len(SCATTERED),
    "rhythm": rhythm.WIDTH,
    "daily": daily.WIDTH,
    "tail": tail.WIDTH,
    "sparse": sparse.WIDTH,
    "flat": flat.WIDTH,
    "period": period.WIDTH,
    "novelty": novelty.width(DETECTORS),
}
SLOTTED = {name: view.slots for name, view in DETECTORS.items() if view.slots}
CLOCKED = {
    **{name: (view.slots, view.slot_seconds) for name, view in DETECTORS.items() if view.slots},
    **rhythm.SLOTS,
    **daily.SLOTS,
}
_FORETELLING = tuple(i for i, name in enumerate(SCATTERED) if DETECTORS[name].foretells)
_LEVEL = _FORETELLING[0]
_WEIGHTS: Floats = np.array([[DETECTORS[name].deviation] for name in SCATTERED], np.float32)
_RECORDS = novelty.Records.of(DETECTORS)
_ROWS = {name: row for row, name in enumerate((*SCATTERED, *RECORDED))}
"""Where each view's look is kept; of the one that is in both parts in the second."""
_TWICE = [(row, _ROWS[name]) for row, name in enumerate(SCATTERED) if name in RECORDED]
_STEPS, _PEAKS = slice(0, len(SCATTERED)), slice(len(SCATTERED), None)
_FORETOLD = slice(0, len(SCATTERED) + _RECORDS.foretelling.stop)
_LOUD = np.float32(0.5)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the panel makes of a block; shape (series,), sizes in units of the alarm line."""

    deviation: Floats
    novelty: Floats
    residual: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    """Beyond these the value is an alarm for a view that foretells it."""
    view: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Context:
    """Where the state of a frame's series is, and what the caller knows of them."""

    state: dict[str, Floats]
    memory: Memory
    place: Place
    times: FloatArray
    """Seconds since 1970 of the values, shape (series,)."""
    ages: Floats
    """Seconds since each series' first value."""
    alarms_a_week: Floats
    absent: IntArray
    """Which of the block have no value: the slots of these stay as they are."""


def hear(frame: Frame, context: Context) -> Opinion:
    """Judge a frame by what was learned before it, then learn from it."""
    slots = slots_of(context.times, CLOCKED)
    memory, place = context.memory, context.place
    cells = {name: memory.cell(name, slot, place) for name, slot in slots.items()}
    absent = context.absent
    kept = {name: cell.part(absent) for name, cell in cells.items()} if len(absent) else {}
    daily.begin(context.state["daily"], slots["hour"], cells)
    opinion = _consider(frame, context, cells)
    for name, part in kept.items():
        cells[name].put(absent, part)
    for name, slot in slots.items():
        memory.keep(name, slot, place, cells[name])
    return opinion


@dataclass(frozen=True, slots=True)
class _Measure:
    """How the loudest innovation of each series compares with its past; shape (series,)."""

    size: Floats
    """In scatters, weighted."""
    rarity: Floats
    """How improbable that is; 1 on the alarm line."""
    reach: Floats
    """How many scatters, weighted, the line is away at this time of the day."""


def _consider(frame: Frame, context: Context, cells: dict[str, Cell]) -> Opinion:
    state, rate = context.state, _rate(frame, context.alarms_a_week)
    seen = _look(frame, state, cells)
    steps, peaks = seen[_STEPS], seen[_PEAKS]
    scatters = scatter.believed(frame, state["scatter"])
    innovations = scatter.standard(steps, scatters)
    far = scatter.far(frame, innovations, state["scatter"])
    innovations *= _WEIGHTS
    measure = _measure(state, cells, innovations, rate)
    run = flat.runs(frame, state["flat"])
    stuck = flat.score(frame, state["flat"], run, rate * SHARES["flat"])
    lost = period.score(frame, state["period"], rate * SHARES["period"])
    news = _News(state["novelty"], peaks, _line(frame, context), rate)
    novel = news.loudest()
    deviation = np.maximum(measure.rarity, np.maximum(stuck, lost))
    sizes = (innovations, stuck, lost)
    view = _loudest(sizes, measure, news, np.maximum(novel, deviation))
    edges = [scatters[row] * measure.reach / _WEIGHTS[row] for row in _FORETELLING]
    lower, upper = _bounds(frame, news, steps, edges)
    residual = between(steps[_LEVEL] / scatters[_LEVEL], scatter.MOST)
    expected = frame.values - steps[_LEVEL]
    _agree(expected, lower, upper)
    _RECORDS.learn(frame, state["novelty"], peaks)
    clipped = scatter.clip(steps, scatters, far)
    scatter.learn(frame, state["scatter"], clipped)
    sparse.learn(frame, state["sparse"])
    flat.learn(frame, state["flat"], run)
    _learn(frame, state, cells, seen, clipped)
    return Opinion(deviation, novel, residual, expected, lower, upper, view)


def _rate(frame: Frame, alarms_a_week: Floats) -> Floats:
    """Return with what probability a value may be a false alarm."""
    rate: Floats = np.minimum(alarms_a_week * frame.step * np.float32(1 / 604_800), 1)
    np.maximum(rate, np.float32(1e-12), out=rate)
    return rate


def _line(frame: Frame, context: Context) -> Floats:
    """Return the weighted excess of a record that is an alarm."""
    line = novelty.line(context.alarms_a_week)
    line /= np.maximum(novelty.known(frame, context.ages), np.float32(1e-3))
    return line


def _look(frame: Frame, state: dict[str, Floats], cells: dict[str, Cell]) -> Floats:
    """Return what each view sees, first the steps to be measured and then the records."""
    seen = np.empty((len(SCATTERED) + len(RECORDED), len(frame.values)), np.float32)
    for name, view in DETECTORS.items():
        view.look(frame, state[name], cells.get(name), seen[_ROWS[name]])
    for step, peak in _TWICE:
        seen[step] = seen[peak]
    if frame.any_fresh:
        seen[_FORETOLD, frame.fresh] = 0
    return seen


@dataclass(frozen=True, slots=True)
class _News:
    """What records are measured by: the envelopes, what was seen, the line and the rate."""

    state: Floats
    peaks: Floats
    line: Floats
    rate: Floats

    def rarity(self, rows: IntArray) -> Floats:
        """Return how improbable what each view sees in some series is, shape (views, rows)."""
        excesses = _RECORDS.excesses(self.state, self.peaks, self.line, rows)
        return novelty.rarity(excesses, self.rate[rows])

    def loudest(self) -> Floats:
        """Return the rarity of each series' largest record, 0 where there is none."""
        rarity = np.zeros_like(self.rate)
        rows = _RECORDS.broken(self.state, self.peaks)
        rarity[rows] = self.rarity(rows).max(axis=0)
        return rarity


def _loudest(
    sizes: tuple[Floats, Floats, Floats], measure: _Measure, news: _News, loudness: Floats
) -> NDArray[np.int8]:
    """Return whose size is the largest, as an index of SPEAKERS, -1 where none is worth a word."""
    view = np.full(len(loudness), -1, np.int8)
    loud = (loudness >= _LOUD).nonzero()[0]
    if len(loud):
        innovations, *others = (size[..., loud] for size in sizes)
        innovations *= measure.rarity[loud] / np.maximum(measure.size[loud], np.float32(1e-9))
        heard = np.concatenate((innovations, others, news.rarity(loud)))
        view[loud] = np.argmax(heard, axis=0)
    return view


def _bounds(frame: Frame, news: _News, steps: Floats, edges: list[Floats]) -> tuple[Floats, Floats]:
    """Return how low, and how high, the value could be without an alarm."""
    up, down = _RECORDS.room(news.state, news.peaks, news.line)
    for row, edge in zip(_FORETELLING, edges, strict=True):
        np.minimum(up, edge - steps[row], out=up)
        np.minimum(down, edge + steps[row], out=down)
    low, high = frame.values - down, frame.values + up
    lower: Floats = np.minimum(low, high)
    upper: Floats = np.maximum(low, high)
    return lower, upper


def _agree(expected: Floats, lower: Floats, upper: Floats) -> None:
    """Bring the level's expectation, in place, to where all views could agree: within the band.

    Another view may know better, by the hour of the week or by the last values. Where no value
    would suit all of them, the band is what lies between theirs.
    """
    outside = (expected <= lower) | (expected >= upper)
    if not outside.any():
        return
    low, high, level = lower[outside], upper[outside], expected[outside]
    middle = low + (high - low) * np.float32(0.5)
    open_ended = ~np.isfinite(middle)
    expected[outside] = np.where(open_ended, level, middle)
    lower[outside] = np.where(open_ended, np.minimum(low, level), low)
    upper[outside] = np.where(open_ended, np.maximum(high, level), high)


def _measure(
    state: dict[str, Floats],
    cells: dict[str, Cell],
    innovations: Floats,
    rate: Floats,
) -> _Measure:
    """Measure the loudest in those of this hour and minute, and in its tail; learn both."""
    size = np.maximum.reduce(innovations, axis=0)
    age = rhythm.Age.of(state["rhythm"], size)
    beats = rhythm.measure(age, state["rhythm"], size, cells)
    measured = sparse.compress(state["sparse"], beats.size)
    tails = state["tail"].T
    known = tail.Tail.of(tails, rate * SHARES["deviation"])
    line = known.line(tail.DOUBT)
    higher = daily.raised(line, cells)
    rarity = known.weigh(measured, higher)
    daily.learn(measured, line, cells)
    _learn_tail(age, tails, measured, line)
    rhythm.learn(age, state["rhythm"], beats, cells)
    reach = beats.scale * sparse.expand(state["sparse"], higher)
    return _Measure(size, rarity, reach)


def _learn_tail(age: rhythm.Age, tails: Floats, measured: Floats, line: Floats) -> None:
    """Learn from all but the first values, whose expectations and scatters are guesses."""
    young = np.nonzero(age.values < rhythm.AFTER)[0] if age.youngest < rhythm.AFTER else ()
    kept = tails[young].copy() if len(young) else None
    tail.learn(tails, measured, line)
    if kept is not None:
        tails[young] = kept


def _learn(
    frame: Frame,
    state: dict[str, Floats],
    cells: dict[str, Cell],
    seen: Floats,
    clipped: Floats,
) -> None:
    """Let the views learn, and records what a view can tell only now."""
    steps = dict(zip(SCATTERED, clipped, strict=True))
    for name, view in DETECTORS.items():
        look = seen[_ROWS[name]]
        span = view.learn(frame, state[name], cells.get(name), look, steps.get(name, look))
        if span:
            _RECORDS.widen(state["novelty"], RECORDED.index(name), span)
