"""Plain parameters must score as scikit-learn itself does; a part that differs is a wrong part."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn import ensemble, neighbors, svm

from exporter.fit import FITS, isolation_forest, local_outlier_factor, one_class_svm
from exporter.fitted import MODELS
from exporter.fitted.contract import Arrays
from exporter.fitted.isolation_forest import IsolationForest
from exporter.fitted.local_outlier_factor import LocalOutlierFactor
from exporter.fitted.one_class_svm import OneClassSVM
from exporter.model import FloatArray


def clusters(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    return rng.integers(0, 3, (shape[0], 1)) * 5.0 + rng.standard_normal(shape)


Draw = Callable[[np.random.Generator, tuple[int, int]], FloatArray]
DRAWS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "heavy tails": lambda rng, shape: rng.standard_t(2, shape),
    "clusters": clusters,
    "one constant feature": lambda rng, shape: (
        rng.standard_normal(shape) * (np.arange(shape[1]) > 0)
    ),
    "large numbers": lambda rng, shape: 1e6 + 10 * rng.standard_normal(shape),
}
SHAPES = [(30, 2), (257, 3), (2000, 8)]
every_case = pytest.mark.parametrize(
    ("name", "shape"), [(name, shape) for name in DRAWS for shape in SHAPES], ids=str
)


def drawn(name: str, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return what to fit to, and what to score: half alike, half far out in every direction."""
    rng = np.random.default_rng([len(name), *shape])
    points = DRAWS[name](rng, shape)
    alike = DRAWS[name](rng, (50, shape[1]))
    return points, np.vstack((alike, alike + 20 * rng.standard_normal(alike.shape)))


@every_case
def test_a_forest_scores_as_scikit_learns_does(name: str, shape: tuple[int, int]) -> None:
    points, asked = drawn(name, shape)
    theirs = ensemble.IsolationForest(n_estimators=30, max_samples=min(256, len(points)))
    ours = IsolationForest.load(isolation_forest.plain(theirs.fit(points)))
    np.testing.assert_allclose(ours.score_samples(asked), theirs.score_samples(asked), atol=1e-6)


@every_case
def test_a_local_outlier_factor_scores_as_scikit_learns_does(
    name: str, shape: tuple[int, int]
) -> None:
    points, asked = drawn(name, shape)
    theirs = neighbors.LocalOutlierFactor(n_neighbors=20, novelty=True).fit(points)
    ours = LocalOutlierFactor.load(local_outlier_factor.plain(theirs))
    expected = theirs.score_samples(asked)
    np.testing.assert_allclose(ours.score_samples(asked), expected, rtol=1e-6)


@every_case
def test_a_one_class_svm_decides_as_scikit_learns_does(name: str, shape: tuple[int, int]) -> None:
    points, asked = drawn(name, shape)
    theirs = svm.OneClassSVM(nu=0.1, gamma=1 / (shape[1] * points.var(axis=0).max())).fit(points)
    ours = OneClassSVM.load(one_class_svm.plain(theirs))
    np.testing.assert_allclose(ours.score_samples(asked), theirs.score_samples(asked), atol=1e-6)
    decision = ours.score_samples(asked) - ours.rho
    np.testing.assert_allclose(decision, theirs.decision_function(asked), atol=1e-6)


TRAINED = {
    "isolation_forest": isolation_forest.train,
    "local_outlier_factor": local_outlier_factor.train,
    "one_class_svm": one_class_svm.train,
}


def test_every_model_has_something_that_fits_it() -> None:
    assert set(MODELS) == set(FITS) == set(TRAINED)


@pytest.mark.parametrize("name", TRAINED)
def test_strangeness_orders_vectors_as_the_score_does_backwards(name: str) -> None:
    points, asked = drawn("normal", (1000, 8))
    model = MODELS[name].load(TRAINED[name](points))
    scores, strangeness = model.score_samples(asked), model.strangeness(asked)
    order = np.argsort(scores, kind="stable")
    assert np.isfinite(strangeness).all()
    assert (np.diff(strangeness[order]) <= 1e-12).all()


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("points", [np.zeros((300, 8)), np.eye(8)[np.arange(300) % 8]])
def test_vectors_that_repeat_can_be_fitted_and_are_less_strange_than_another(
    name: str, points: FloatArray
) -> None:
    model = MODELS[name].load(TRAINED[name](points))
    known, other = model.strangeness(np.array([points[0], np.full(8, 3.0)]))
    assert np.isfinite(known)
    assert known < other or name == "isolation_forest"  # which has no cut outside a constant
    assert known <= other


BROKEN: list[tuple[str, Arrays]] = [
    ("isolation_forest", {"length": np.ones((2, 3)), "feature": np.zeros((2, 2), int)}),
    ("isolation_forest", {"length": np.ones((2, 4)), "threshold": np.full((2, 3), np.nan)}),
    ("local_outlier_factor", {"points": np.ones((8, 5)), "neighbours": np.array(5)}),
    ("local_outlier_factor", {"points": np.ones((8, 5)), "reach": np.ones(4)}),
    ("one_class_svm", {"rho": np.array(-1.0)}),
    ("one_class_svm", {"coefficients": np.ones((2, 2))}),
]


@pytest.mark.parametrize(("name", "wrong"), BROKEN)
def test_parameters_that_cannot_be_are_refused(name: str, wrong: Arrays) -> None:
    arrays = {**TRAINED[name](np.random.default_rng(0).standard_normal((100, 8))), **wrong}
    with pytest.raises(ValueError, match=r"is no|not|of"):
        MODELS[name].load(arrays)


@pytest.mark.parametrize("name", TRAINED)
def test_parameters_that_lack_a_part_are_refused(name: str) -> None:
    with pytest.raises(KeyError):
        MODELS[name].load({})
