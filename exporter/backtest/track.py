"""Where the rows of series lie that are taken side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from exporter.model import FloatArray

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Track:
    """Where the rows of lanes, the longest first, lie when sorted by the call that takes them.

    `offsets` has the start of each call's rows, and the end of the last one's.
    """

    lengths: Sequence[int]
    offsets: IntArray

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Self:
        """Lay out lanes of these lengths, the longest first."""
        longest = max(lengths, default=0)
        # How many lanes are longer than k: all but those that have ended by then.
        ended = np.cumsum(np.bincount(np.array(lengths, np.intp), minlength=longest + 1))
        live = len(lengths) - ended[:longest]
        return cls(lengths, np.concatenate(([0], np.cumsum(live))).astype(np.intp))

    def places(self, lane: int) -> IntArray:
        """Return where the rows of one lane lie."""
        return self.offsets[: self.lengths[lane]] + lane

    def pack(self, columns: Sequence[FloatArray]) -> FloatArray:
        """Bring a column for each lane into the order of the calls."""
        packed = np.empty(int(self.offsets[-1]))
        for lane, column in enumerate(columns):
            packed[self.places(lane)] = column
        return packed
