"""Fits a local outlier factor: neighbours and densities of the vectors themselves."""

from typing import Any

import numpy as np
from sklearn import neighbors

from exporter.fit.calibrate import calibrated
from exporter.fitted.contract import Arrays
from exporter.fitted.local_outlier_factor import LocalOutlierFactor
from exporter.model import FloatArray

_NEIGHBOURS = 20


def fit(request: Arrays) -> Arrays:
    """Fit `vectors` of shape (n, features); see `calibrate.calibrated`."""
    return calibrated(request, train, LocalOutlierFactor)


def train(points: FloatArray) -> Arrays:
    """Return the arrays of the distinct vectors.

    Where more than `_NEIGHBOURS` of them are one, its density is without bounds, and all
    round it is an outlier; the paper speaks of distinct distances there.
    """
    distinct = np.unique(points, axis=0)
    if len(distinct) < 2:
        distinct = np.vstack((points[:1], points[:1] + 1))
    count = min(_NEIGHBOURS, len(distinct) - 1)
    return plain(neighbors.LocalOutlierFactor(n_neighbors=count, novelty=True).fit(distinct))


def plain(fitted: Any) -> Arrays:
    """Return the arrays of a fitted scikit-learn detector."""
    count = fitted.n_neighbors_
    return {
        "points": np.ascontiguousarray(fitted._fit_X.T),  # noqa: SLF001 -- no public name
        "reach": fitted._distances_fit_X_[:, count - 1],
        "density": fitted._lrd,  # noqa: SLF001
        "neighbours": np.array(count),
    }
