"""Several blocks as one, under one limit."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from exporter.model import Block, LeftOut, SeriesKey

Parts = tuple[tuple[SeriesKey, ...], ...]


class Joint:
    """Joins blocks; while their layouts stay, so does the joint one."""

    def __init__(self, capacity: int) -> None:
        self.skipped = {"duplicate": 0, "total_limit": 0}
        self.left_out: LeftOut = {}
        self._capacity = capacity
        self._parts: Parts = ()
        self._keys: tuple[SeriesKey, ...] = ()
        self._places = np.zeros(0, np.intp)
        self._different = 0

    def join(self, blocks: Sequence[Block]) -> Block:
        """Put the blocks one behind the other.

        What is beyond the capacity is left out; of two series with one key the first stands.
        """
        parts = tuple(block.keys for block in blocks)
        if not _same(parts, self._parts):
            self._lay_out(parts)
        self.skipped["duplicate"] += sum(map(len, parts)) - self._different
        self.skipped["total_limit"] += self._different - len(self._keys)
        values = np.concatenate([block.values for block in blocks])[self._places]
        times = np.concatenate([block.times for block in blocks])[self._places]
        return Block(self._keys, values, times)

    def _lay_out(self, parts: Parts) -> None:
        first: dict[SeriesKey, int] = {}
        twice: list[SeriesKey] = []
        for place, key in enumerate(key for part in parts for key in part):
            if first.setdefault(key, place) != place:
                twice.append(key)
        self._parts = parts
        self._different = len(first)
        self._keys = tuple(first)[: self._capacity]
        self._places = np.array(list(first.values())[: self._capacity], np.intp)
        self.left_out = _named({"duplicate": twice, "total_limit": [*first][self._capacity :]})


def _named(lost: Mapping[str, Iterable[SeriesKey]]) -> LeftOut:
    """Count series that were lost for some reasons by their signals."""
    left_out: dict[str, Counter[str]] = {}
    for reason, keys in lost.items():
        for key in keys:
            left_out.setdefault(key.signal, Counter())[reason] += 1
    return left_out


def _same(parts: Parts, others: Parts) -> bool:
    """Whether these are the very same tuples; comparing what is in them would cost too much."""
    return len(parts) == len(others) and all(a is b for a, b in zip(parts, others, strict=True))
