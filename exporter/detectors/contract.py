"""What a view is: one way of looking at a block of series, in arrays of a column each."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from exporter.model import BoolArray

Floats = NDArray[np.float32]
"""Single precision: a step under a thousandth of a value's size is no news in any view."""

IntArray = NDArray[np.intp]

RECENT = 21
"""How many of the latest values a frame holds, this one among them."""
UNSURE = 10.0
"""The first values of a series: what is expected of them is still a guess, and so is its error."""


@dataclass(frozen=True)
class Frame:
    """The latest value of each series of a block, and what all views need to know of it.

    Arrays have shape (series,); every value is finite.
    """

    values: Floats
    recent: Floats
    """Shape (RECENT, series), this value last; before a series' first value stands that one."""
    count: Floats
    """How many values came before this one."""
    step: Floats
    """The usual seconds between values."""
    fresh: BoolArray
    """Where the past is of no use: the first value, or the first after a long gap."""

    @cached_property
    def youngest(self) -> float:
        """The smallest count: where it is large, nothing special holds for new series."""
        return float(self.count.min())

    @cached_property
    def any_fresh(self) -> bool:
        """Whether any series has no past."""
        return bool(self.fresh.any())

    @cached_property
    def sizes(self) -> Floats:
        """The values without their signs."""
        sizes: Floats = np.abs(self.values)
        return sizes

    @cached_property
    def pace(self) -> Floats:
        """How far to learn what changes by the clock: 1 at steps of five minutes and more."""
        pace: Floats = np.minimum(self.step * np.float32(1 / 300), np.float32(1))
        return pace

    def share(self, window: float) -> Floats | float:
        """Return the weight of this value in a mean of the last `window`; of all while fewer."""
        if self.youngest >= window:
            return 1 / window
        return np.maximum(1 / window, 1 / (self.count + 1))


def between(values: Floats, most: Floats | np.float32) -> Floats:
    """Return values cut to -most and most; numpy's clip takes four times as long."""
    cut: Floats = np.minimum(values, most)
    np.maximum(cut, -most, out=cut)
    return cut


def blend(where: BoolArray, yes: Floats | np.float32, no: Floats) -> Floats:
    """Return `yes` or `no`, both finite; numpy's where takes three times as long."""
    mixed: Floats = yes - no
    mixed *= where
    mixed += no
    return mixed


class View(Protocol):
    """One way of looking at a series, learned value by value.

    `look` says how far the value is from what the view expects and must not write; `learn`
    takes the value in. `state` has shape (width, series) and is zero where a series is new;
    `cell` has the shape (slots and their visits) of the time slot that the value fell in.
    """

    width: ClassVar[int]
    """How many floats of state one series needs."""
    slots: ClassVar[int]
    """How many slots of the clock have a mean each; 0 without a season."""
    slot_seconds: ClassVar[int]
    deviation: ClassVar[float]
    """The weight of its innovations, each against their usual size, in the deviation; 0: none."""
    novelty: ClassVar[float]
    """The weight of its records in the novelty; 0: none."""
    leaking: ClassVar[bool]
    """Whether its extremes are forgotten slowly."""
    own_scale: ClassVar[bool]
    """Whether the view's values no longer have the unit of the series."""
    foretells: ClassVar[bool]
    """Whether it says where the value should be, and so draws the band; seen is the distance."""

    def look(self, frame: Frame, state: Floats, cell: "Cell | None", out: Floats) -> None:
        """Write the innovation or the view's value to `out`, shape (series,)."""
        ...

    def learn(
        self, frame: Frame, state: Floats, cell: "Cell | None", seen: Floats, step: Floats
    ) -> "Span | None":
        """Take in what was seen; `step` is the same, clipped where it is beyond belief.

        Returns what should have been seen earlier and is known only now, for the records.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cell:
    """The time slot of each series: its mean, and how often it was visited (at most 255)."""

    mean: Floats
    visits: NDArray[np.uint8]
    """Empty where nobody counts them."""

    def part(self, chosen: IntArray) -> "Cell":
        """Return a copy of what belongs to the chosen series."""
        return Cell(self.mean[chosen], self.visits[chosen] if len(self.visits) else self.visits)

    def put(self, chosen: IntArray, part: "Cell") -> None:
        """Write it back."""
        self.mean[chosen] = part.mean
        if len(self.visits):
            self.visits[chosen] = part.visits


@dataclass(frozen=True, slots=True)
class Span:
    """The lowest and the highest of what was seen in some series, both of shape (chosen,)."""

    where: IntArray
    """Which series are chosen."""
    low: Floats
    high: Floats


class Plain:
    """What most views are: no slots, measured against their usual size, no records."""

    width: ClassVar[int] = 1
    slots: ClassVar[int] = 0
    slot_seconds: ClassVar[int] = 0
    deviation: ClassVar[float] = 1.0
    novelty: ClassVar[float] = 0.0
    leaking: ClassVar[bool] = False
    own_scale: ClassVar[bool] = False
    foretells: ClassVar[bool] = False
