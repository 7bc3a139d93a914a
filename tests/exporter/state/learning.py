"""Something that learns: two arrays, of which the tests know what stands in each row."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


class Sums:
    """Something else that learns."""

    def __init__(self, total: float = 0.0) -> None:
        self.pairs = np.full((2, 3), total, np.float32)
        self.total = np.array([total])

    def export(self) -> tuple[Arrays, dict[str, Any]]:
        return {"pairs": self.pairs.copy(), "total": self.total.copy()}, {"format": 1}

    def restore(self, arrays: Arrays, meta: Mapping[str, Any], now: float) -> None:
        assert now == pytest.approx(time.time(), abs=60)
        if meta["format"] != 1 or self.pairs.shape != arrays["pairs"].shape:
            raise ValueError("another format")
        self.pairs[...], self.total[...] = arrays["pairs"], arrays["total"]


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
