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
from exporter.detectors.contract import Cell, Floats, Frame, between
from exporter.detectors.memory import IntArray, Memory, Place, Slot, slot_of
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
    slots: dict[str, Slot] = {
        name: slot_of(context.times, seconds, number) for name, (number, seconds) in CLOCKED.items()
    }
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
    state, alarms_a_week = context.state, context.alarms_a_week
    rate = np.minimum(alarms_a_week * frame.step * np.float32(1 / 604_800), 1)
    np.maximum(rate, np.float32(1e-12), out=rate)
    seen = {
        name: view.look(frame, state[name], cells.get(name)) for name, view in DETECTORS.items()
    }
    if frame.any_fresh:
        for name in (*SCATTERED, "week"):
            seen[name][frame.fresh] = 0
    steps, peaks = (np.stack([seen[name] for name in names]) for names in (SCATTERED, RECORDED))
    sizes = np.empty((len(SPEAKERS), len(frame.values)), np.float32)
    innovations = sizes[: len(SCATTERED)]
    scatters = np.sqrt(state["scatter"])
    np.maximum(scatters, scatter.floor(frame), out=scatters)
    scatter.standard(steps, scatters, innovations)
    far = scatter.far(frame, innovations, state["scatter"])
    innovations *= _WEIGHTS
    measure = _measure(state, cells, innovations, rate)
    sizes[_FLAT] = flat.score(frame, state["flat"], rate * SHARES["flat"])
    sizes[_PERIOD] = period.score(frame, state["period"], rate * SHARES["period"])
    record = novelty.line(alarms_a_week)
    record /= np.maximum(novelty.known(frame, context.ages), np.float32(1e-3))
    _RECORDS.excesses(state["novelty"], peaks, record, sizes[_NOVEL:])
    edges = [scatters[row] * measure.reach / _WEIGHTS[row] for row in _FORETELLING]
    down, up = _bounds(frame, state["novelty"], record, (steps, peaks), edges)
    novel = novelty.rarity(np.maximum.reduce(sizes[_NOVEL:], axis=0), rate)
    deviation = np.maximum(measure.rarity, np.maximum(sizes[_FLAT], sizes[_PERIOD]))
    view = _loudest(sizes, measure, np.maximum(novel, deviation), rate)
    residual = between(steps[_LEVEL] / scatters[_LEVEL], scatter.MOST)
    expected = frame.values - steps[_LEVEL]
    lower, upper = np.minimum(down, up), np.maximum(down, up)
    _agree(expected, lower, upper)
    _RECORDS.learn(frame, state["novelty"], peaks)
    _recall(state, cells)
    scatter.clip(steps, scatters, far)
    _learn(frame, state, cells, seen, steps)
    return Opinion(deviation, novel, residual, expected, lower, upper, view)


def _loudest(sizes: Floats, measure: _Measure, loudness: Floats, rate: Floats) -> NDArray[np.int8]:
    """Return whose size is the largest, as an index of SPEAKERS, -1 where none is worth a word."""
    view = np.full(len(loudness), -1, np.int8)
    loud = np.nonzero(loudness >= _LOUD)[0]
    if len(loud):
        heard = sizes[:, loud]
        heard[:_FLAT] *= measure.rarity[loud] / np.maximum(measure.size[loud], np.float32(1e-9))
        heard[_NOVEL:] = novelty.rarity(heard[_NOVEL:], rate[loud])
        view[loud] = np.argmax(heard, axis=0)
    return view


def _bounds(
    frame: Frame, state: Floats, record: Floats, seen: tuple[Floats, Floats], edges: list[Floats]
) -> tuple[Floats, Floats]:
    """Return how low, and how high, the value could be without an alarm."""
    steps, peaks = seen
    up, down = _RECORDS.room(state, peaks, record)
    for row, edge in zip(_FORETELLING, edges, strict=True):
        np.minimum(up, edge - steps[row], out=up)
        np.minimum(down, edge + steps[row], out=down)
    return frame.values - down, frame.values + up


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


def _recall(state: dict[str, Floats], cells: dict[str, Cell]) -> None:
    """Let records learn what their views can tell only now."""
    for row, name in enumerate(RECORDED):
        span = DETECTORS[name].recall(state[name], cells.get(name))
        if span:
            _RECORDS.widen(state["novelty"], row, span)


def _learn(
    frame: Frame,
    state: dict[str, Floats],
    cells: dict[str, Cell],
    seen: dict[str, Floats],
    clipped: Floats,
) -> None:
    scatter.learn(frame, state["scatter"], clipped)
    steps = dict(zip(SCATTERED, clipped, strict=True))
    for name, view in DETECTORS.items():
        step = steps.get(name, seen[name])
        view.learn(frame, state[name], cells.get(name), seen[name], step)
    sparse.learn(frame, state["sparse"])
    flat.learn(frame, state["flat"])
