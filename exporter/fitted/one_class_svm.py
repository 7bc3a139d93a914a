"""One-class support vector machine: how far from where the vectors are (Schoelkopf 2001)."""

from dataclasses import dataclass

import numpy as np

from exporter.fitted.contract import Arrays, array
from exporter.model import FloatArray

_TINY = np.finfo(float).tiny


@dataclass(frozen=True, slots=True)
class OneClassSVM:
    """The support vectors, shape (features, n), their coefficients, and the kernel's `gamma`."""

    support: FloatArray
    coefficients: FloatArray
    gamma: float
    rho: float
    """The score at the border of what was fitted."""

    @classmethod
    def load(cls, arrays: Arrays) -> "OneClassSVM":
        """Take arrays under the names of the fields."""
        support = array(arrays, "support", (None, None))
        coefficients = array(arrays, "coefficients", (support.shape[1],))
        gamma, rho = (float(array(arrays, name, ())) for name in ("gamma", "rho"))
        if not (gamma > 0 and rho > 0):
            raise ValueError(f"gamma and rho: {gamma} and {rho} are not above 0")
        return cls(support, coefficients, gamma, rho)

    def score_samples(self, vectors: FloatArray) -> FloatArray:
        """Return the weighted sum of Gaussian kernels; `rho` less is the decision function."""
        return np.array([self._score(vector) for vector in vectors])

    def _score(self, vector: FloatArray) -> float:
        gap = self.support - vector[:, None]
        squares = np.einsum("fn,fn->n", gap, gap)
        return float(np.exp(-self.gamma * squares) @ self.coefficients)

    def strangeness(self, vectors: FloatArray) -> FloatArray:
        """Return the distance, in widths of the kernel, at which one kernel gives that score.

        It goes on growing where the score is but 0.
        """
        share = self.score_samples(vectors) / self.coefficients.sum()
        return np.asarray(np.sqrt(-np.log(np.clip(share, _TINY, 1))))
