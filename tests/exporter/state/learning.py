"""Something that learns: two arrays, of which the tests know what stands in each row."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from exporter.model import SeriesKey
from exporter.signals.slots import Slots
from exporter.state.folder import Folder
from exporter.state.format import Arrays
from exporter.state.keeper import Keeper

DAY = 86_400.0


class Learner:
    def __init__(self, capacity: int = 8, layout: str = "one") -> None:
        self.layout = layout
        self.slots = Slots(capacity, DAY)
        self.wide = np.zeros((3, capacity))
        self.counts = np.zeros(capacity, np.int64)

    def arrays(self) -> Arrays:
        return {"wide": self.wide, "counts": self.counts}

    def see(self, names: Sequence[str], first: int = 0, ago: float = 0.0) -> None:
        """Let series appear; the count of each is its place, and so are its wide values."""
        place = self.slots.place(keys(names), time.monotonic() - ago)
        self.counts[place.rows] = np.arange(first, first + len(names))
        self.wide[:, place.rows] = self.counts[place.rows] + np.array([[0.25], [0.5], [0.75]])

    def known(self) -> dict[str, tuple[int, float]]:
        held = self.slots.held(time.monotonic())
        return {
            dict(key.labels)["name"]: (int(self.counts[row]), float(self.wide[2, row]))
            for key, row in zip(held.keys, held.rows, strict=True)
        }


def keys(names: Sequence[str]) -> tuple[SeriesKey, ...]:
    return tuple(SeriesKey("s", (("name", name),)) for name in names)


def keeper(path: Path, learner: Learner) -> Keeper:
    return Keeper(Folder(path), learner.slots, learner)


def restored(path: Path, learner: Learner) -> Keeper:
    one = keeper(path, learner)
    one.restore()
    return one


def figures(one: Keeper) -> dict[str, float]:
    """Read the keeper's samples; a label's value follows the name."""
    return {" ".join((s.metric.name, *s.labels)): s.value for s in one.samples()}
