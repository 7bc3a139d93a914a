"""Fits an isolation forest, and lays its trees out as heaps."""

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import ensemble

from exporter.fit.calibrate import calibrated
from exporter.fitted.contract import Arrays
from exporter.fitted.isolation_forest import IsolationForest
from exporter.model import FloatArray

_FAR = 1e9
_MARGIN = 0.9
"""Of the length far out: its logarithm must have room left there."""
_TREES = 100
_SAMPLE = 1024
"""Vectors for each tree. The paper's 256 cannot tell what is rarer than one in 256."""


def fit(request: Arrays) -> Arrays:
    """Fit `vectors` of shape (n, features); see `calibrate.calibrated`."""
    return calibrated(request, train, IsolationForest)


def train(points: FloatArray) -> Arrays:
    """Return the forest's arrays."""
    sample = min(_SAMPLE, len(points))
    forest = ensemble.IsolationForest(n_estimators=_TREES, max_samples=sample, random_state=0)
    return plain(forest.fit(points))


def plain(forest: Any) -> Arrays:
    """Return the arrays of a fitted scikit-learn forest."""
    trees = [one.tree_ for one in forest.estimators_]
    depth = max(1, *(tree.max_depth for tree in trees))
    heaps = [_heap(tree, depth) for tree in trees]
    feature, threshold, length = (np.array(parts) for parts in zip(*heaps, strict=True))
    usual = _path_length(np.array([forest.max_samples_]))[0]
    arrays = {"feature": feature, "threshold": threshold, "length": length}
    arrays |= {"usual": np.array(usual), "shortest": np.array(0.0)}
    shortest = _MARGIN * _far_out(IsolationForest.load(arrays), forest.n_features_in_)
    return {**arrays, "shortest": np.array(shortest)}


def _far_out(forest: IsolationForest, features: int) -> float:
    """Return the least mean length beyond everything in every combination of directions."""
    corners = np.array(list(product((-_FAR, _FAR), repeat=features)))
    return float(forest.mean_length(corners).min())


def _heap(tree: Any, depth: int) -> tuple[NDArray[Any], NDArray[np.float32], FloatArray]:
    """Lay one tree out; below a leaf every way leads left, to a copy of the leaf."""
    features, thresholds = [], []
    nodes, edges = np.zeros(1, np.intp), np.zeros(1)
    for _ in range(depth):
        left, right = tree.children_left[nodes], tree.children_right[nodes]
        leaf = left < 0
        features.append(np.where(leaf, 0, tree.feature[nodes]))
        thresholds.append(np.where(leaf, np.inf, tree.threshold[nodes]))
        edges = np.repeat(edges + ~leaf, 2)
        nodes = np.where(leaf, nodes, (left, right)).T.ravel()
    length = edges + _path_length(tree.n_node_samples[nodes])
    return np.concatenate(features), _downward(np.concatenate(thresholds)), length


def _downward(thresholds: FloatArray) -> NDArray[np.float32]:
    """Round down to single precision: the same vectors, which are single, go the same ways."""
    single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)


def _path_length(counts: NDArray[Any]) -> FloatArray:
    """Return how long a path through a tree of so many vectors is expected to be."""
    many = np.maximum(counts, 3)
    usual = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(counts <= 1, 0.0, np.where(counts == 2, 1.0, usual))
