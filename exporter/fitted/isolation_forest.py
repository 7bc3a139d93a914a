"""Isolation forest: how few random cuts set a vector apart (Liu, Ting and Zhou 2008)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.fitted.contract import Arrays, array
from exporter.model import FloatArray

_LEAST = 0.01
"""Of a cut: what cannot be told from the shortest paths."""


@dataclass(frozen=True, slots=True)
class IsolationForest:
    """Trees laid out as heaps of one depth, so that all of them are walked at once.

    The children of node i of a tree are 2i + 1 and 2i + 2; below a leaf that ends early every
    way leads left. `feature` and `threshold` have shape (trees, 2**depth - 1), `length` has
    (trees, 2**depth): the path's length, with what is expected of a leaf of several vectors.
    """

    feature: NDArray[np.int8]
    threshold: NDArray[np.float32]
    length: NDArray[np.float32]
    usual: float
    """What the mean length of a path through a tree is expected to be."""
    shortest: float
    """A little less than any vector's mean length."""

    @classmethod
    def load(cls, arrays: Arrays) -> "IsolationForest":
        """Take arrays under the names of the fields."""
        length = array(arrays, "length", (None, None)).astype(np.float32)
        trees, leaves = length.shape
        threshold = array(arrays, "threshold", (trees, leaves - 1)).astype(np.float32)
        feature = array(arrays, "feature", (trees, leaves - 1)).astype(np.int8)
        if leaves & (leaves - 1):
            raise ValueError(f"length: {leaves} is no power of two")
        usual, shortest = (float(array(arrays, name, ())) for name in ("usual", "shortest"))
        return cls(feature, threshold, length, usual, shortest)

    def score_samples(self, vectors: FloatArray) -> FloatArray:
        """Return -2**(-length / usual): -1 is isolated at once, -.5 is ordinary."""
        return -np.exp2(-self.mean_length(vectors) / self.usual)

    def mean_length(self, vectors: FloatArray) -> FloatArray:
        """Return how many cuts it takes to set each vector apart."""
        trees, inner = self.feature.shape
        single = vectors.astype(np.float32).ravel()
        starts = np.arange(len(vectors))[:, None] * vectors.shape[1]
        roots = np.arange(trees) * inner
        node = np.zeros((len(vectors), trees), np.intp)
        for _ in range(inner.bit_length()):
            place = node + roots
            right = single.take(self.feature.take(place) + starts) > self.threshold.take(place)
            node += node
            node += 1
            node += right
        ends = self.length.take(node - inner + np.arange(trees) * (inner + 1))
        return np.asarray(ends.mean(axis=1, dtype=float))

    def strangeness(self, vectors: FloatArray) -> FloatArray:
        """Return -log of how much longer the paths are than the shortest there are.

        The score itself ends at a bound, near which a tail cannot be told from a wall.
        """
        return -np.log(np.maximum(self.mean_length(vectors) - self.shortest, _LEAST))
