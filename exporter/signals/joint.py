"""Several blocks as one, under one limit."""

from collections.abc import Sequence

import numpy as np

from exporter.model import Block, SeriesKey


class Joint:
    """Joins blocks whose series differ; while their layouts stay, so does the joint one."""

    def __init__(self, capacity: int) -> None:
        self.skipped = {"total_limit": 0}
        self._capacity = capacity
        self._parts: tuple[tuple[SeriesKey, ...], ...] = ()
        self._keys: tuple[SeriesKey, ...] = ()

    def join(self, blocks: Sequence[Block]) -> Block:
        """Put the blocks one behind the other; what is beyond the capacity is left out."""
        parts = tuple(block.keys for block in blocks)
        if not _same(parts, self._parts):
            self._parts = parts
            self._keys = tuple(key for part in parts for key in part)[: self._capacity]
        self.skipped["total_limit"] += sum(map(len, parts)) - len(self._keys)
        values = np.concatenate([block.values for block in blocks])[: self._capacity]
        times = np.concatenate([block.times for block in blocks])[: self._capacity]
        return Block(self._keys, values, times)


def _same(
    parts: tuple[tuple[SeriesKey, ...], ...], others: tuple[tuple[SeriesKey, ...], ...]
) -> bool:
    """Whether these are the very same tuples; comparing what is in them would cost too much."""
    return len(parts) == len(others) and all(a is b for a, b in zip(parts, others, strict=True))
