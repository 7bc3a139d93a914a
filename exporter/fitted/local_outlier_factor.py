"""Local outlier factor: how thin it is round a vector, beside its neighbours (Breunig 2000)."""

from dataclasses import dataclass

import numpy as np

from exporter.fitted.contract import Arrays, array
from exporter.model import FloatArray

_LEAST = 1e-10
"""What scikit-learn adds to a mean distance, which may be 0."""


@dataclass(frozen=True, slots=True)
class LocalOutlierFactor:
    """The vectors it was fitted to, with what is known of each.

    `points` has shape (features, n), so that a distance is a sum over rows; `reach`, the
    distance to the `neighbours`-th neighbour, and `density` have shape (n,).
    """

    points: FloatArray
    reach: FloatArray
    density: FloatArray
    neighbours: int

    @classmethod
    def load(cls, arrays: Arrays) -> "LocalOutlierFactor":
        """Take arrays under the names of the fields."""
        points = array(arrays, "points", (None, None))
        count = points.shape[1]
        reach, density = (array(arrays, name, (count,)) for name in ("reach", "density"))
        neighbours = int(array(arrays, "neighbours", ()))
        if not 0 < neighbours < count:
            raise ValueError(f"neighbours: {neighbours} of {count}")
        return cls(points, reach, density, neighbours)

    def score_samples(self, vectors: FloatArray) -> FloatArray:
        """Return minus the factor: -1 is as dense as its neighbours."""
        return np.array([self._score(vector) for vector in vectors])

    def _score(self, vector: FloatArray) -> float:
        gap = self.points - vector[:, None]
        squares = np.einsum("fn,fn->n", gap, gap)
        near = squares.argpartition(self.neighbours - 1)[: self.neighbours]
        mean_reach = np.maximum(np.sqrt(squares[near]), self.reach[near]).mean()
        return float(-self.density[near].mean() * (mean_reach + _LEAST))

    def strangeness(self, vectors: FloatArray) -> FloatArray:
        """Return the logarithm of the factor, a ratio."""
        return np.log(-self.score_samples(vectors))
