"""What a fitted model is: frozen arrays, and how strange they find a vector."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from exporter.model import FloatArray

Arrays = Mapping[str, NDArray[Any]]
"""What goes to the worker, and what comes back."""


class Model(Protocol):
    """Parameters that a worker has fitted; immutable, and scored without any other library."""

    @classmethod
    def load(cls, arrays: Arrays) -> "Model":
        """Make one of what the worker sent; raises KeyError or ValueError where that is wrong."""
        ...

    def score_samples(self, vectors: FloatArray) -> FloatArray:
        """Return what scikit-learn's method of that name does for vectors of (n, features)."""
        ...

    def strangeness(self, vectors: FloatArray) -> FloatArray:
        """Return shape (n,): the larger, the less a vector is like what the model was fitted to.

        It orders vectors as `score_samples` does, backwards, on a scale that has a tail.
        """
        ...


def array(arrays: Arrays, name: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Return an array after checking its shape, in which None is any length, and its numbers."""
    found = arrays[name]
    fits = len(found.shape) == len(shape) and all(
        want in {None, have} for want, have in zip(shape, found.shape, strict=True)
    )
    if not fits or np.isnan(found).any():
        raise ValueError(f"{name}: shape {found.shape} with numbers is not {shape}")
    return found
