"""The state of all series: a row of the series, a column of memory for each field.

An array's last axis is the series, so that one field of many series lies side by side. A
block of series that lie side by side too is worked on in place; any other is copied out and,
after it has learned, back in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from exporter.detectors.contract import Cell, IntArray

_UNCOUNTED = np.zeros(0, np.uint8)
Place = slice | IntArray
"""The rows of a block."""
Number = TypeVar("Number", np.float32, np.float64)
Slot = int | IntArray
"""The time slot of a block, the same for all or one for each."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Named parts of one array: where each begins and how wide it is."""

    parts: dict[str, slice]
    width: int

    @classmethod
    def of(cls, widths: dict[str, int]) -> "Fields":
        """Lay parts side by side."""
        parts, start = {}, 0
        for name, width in widths.items():
            parts[name] = slice(start, start + width)
            start += width
        return cls(parts, start)


class Memory:
    """Zeroed fields of `capacity` series, and the slots of those who have some.

    Of the slots of `counted` ones it is remembered how often each was visited.
    """

    def __init__(
        self, fields: Fields, slotted: dict[str, int], counted: Iterable[str], capacity: int
    ) -> None:
        self.fields = np.zeros((fields.width, capacity), np.float32)
        self.slots = {name: np.zeros((n, capacity), np.float32) for name, n in slotted.items()}
        self.visits = {name: np.zeros((slotted[name], capacity), np.uint8) for name in counted}

    def wipe(self, rows: IntArray) -> None:
        """Make rows new."""
        self.fields[:, rows] = 0
        for slots in self.slots.values():
            slots[:, rows] = 0
        for visits in self.visits.values():
            visits[:, rows] = 0

    def cell(self, name: str, slot: Slot, place: Place) -> Cell:
        """Return the slots' means and visits of a block: views, or copies to be kept."""
        index = _index(slot, place)
        visits = self.visits[name][index] if name in self.visits else _UNCOUNTED
        return Cell(self.slots[name][index], visits)

    def keep(self, name: str, slot: Slot, place: Place, cell: Cell) -> None:
        """Write back what was copied."""
        if not in_place(slot, place):
            index = _index(slot, place)
            self.slots[name][index] = cell.mean
            if name in self.visits:
                self.visits[name][index] = cell.visits

    def arrays(self) -> dict[str, NDArray[np.float32] | NDArray[np.uint8]]:
        """Return every array by a name of its own."""
        slots = {f"slots.{name}": array for name, array in self.slots.items()}
        visits = {f"visits.{name}": array for name, array in self.visits.items()}
        return {"fields": self.fields, **slots, **visits}


def pick(array: NDArray[Number], place: Place) -> NDArray[Number]:
    """Return the block's columns: a view where they lie side by side, else a copy."""
    if isinstance(place, slice):
        return array[:, place]
    return array.take(place, axis=1)  # an index would put the fields side by side, not the series


def in_place(slot: Slot, place: Place) -> bool:
    """Whether what was picked is memory itself, so that nothing has to be written back."""
    return isinstance(place, slice) and not isinstance(slot, np.ndarray)


def place_of(rows: IntArray) -> Place:
    """Return consecutive rows as a slice."""
    first, count = int(rows[0]), len(rows)
    if rows[-1] - first == count - 1 and (count < 3 or bool((rows[1:] > rows[:-1]).all())):
        return slice(first, first + count)
    return rows


def slots_of(times: NDArray[np.float64], clocked: dict[str, tuple[int, int]]) -> dict[str, Slot]:
    """Return the slot of each clock (UTC) that the times fall in; one where all are the same.

    A clock is how many slots it has, and of how many seconds.
    """
    first, last = float(times.min()), float(times.max())
    found: dict[tuple[int, int], Slot] = {}
    for slots, seconds in set(clocked.values()):
        if first // seconds == last // seconds:
            found[slots, seconds] = int(first // seconds) % slots
        else:
            found[slots, seconds] = np.floor(times).astype(np.intp) // seconds % slots
    return {name: found[clock] for name, clock in clocked.items()}


def _index(slot: Slot, place: Place) -> tuple[Slot, Place]:
    if isinstance(slot, np.ndarray) and isinstance(place, slice):
        return slot, np.arange(place.start, place.stop)
    return slot, place
