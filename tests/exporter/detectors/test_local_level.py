import numpy as np
import pytest

from exporter.detectors.local_level import LocalLevel
from exporter.model import FloatArray


def learned(*values: float, detector: LocalLevel | None = None) -> FloatArray:
    one = detector or LocalLevel()
    state = np.full((1, one.width), np.nan)
    for value in values:
        one.learn(state, np.array([value]))
    return state


def innovation(state: FloatArray, value: float) -> float:
    return float(LocalLevel().innovation(state, np.array([value]))[0])


def test_level_and_variance_start_as_plain_means() -> None:
    state = learned(10, 14)
    assert state.tolist() == [[12.0, 16.0, 2.0]]


def test_nothing_is_said_until_a_scatter_means_something() -> None:
    assert np.isnan(innovation(learned(*[1.0, 2.0] * 4, 1.0), 2.0))
    assert np.isfinite(innovation(learned(*[1.0, 2.0] * 5), 2.0))


def test_a_flat_line_that_stays_flat_is_no_innovation() -> None:
    assert innovation(learned(*[7.0] * 20), 7.0) == 0
    assert innovation(learned(*[0.0] * 20), 0.0) == 0


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e15])
def test_the_first_move_away_from_zero_has_a_bound_whatever_its_unit(size: float) -> None:
    assert innovation(learned(*[0.0] * 100), size) == pytest.approx(1000)


def test_a_small_move_of_a_flat_line_is_measured_against_its_size() -> None:
    assert innovation(learned(*[50.0] * 100), 50.1) == pytest.approx(2, rel=0.01)


def test_an_outlier_moves_level_and_scatter_no_further_than_the_clip() -> None:
    noise = np.random.default_rng(1).standard_normal(2000)
    state = learned(*noise)
    level, variance, _ = state[0].copy()
    LocalLevel().learn(state, np.array([1e9]))
    assert state[0, 0] - level == pytest.approx(0.1 * 8 * np.sqrt(variance), rel=0.2)
    assert state[0, 1] < 1.1 * variance


def test_the_band_is_as_wide_as_it_is_told() -> None:
    state = np.array([[100.0, 4.0, 99.0]])
    expected, lower, upper = LocalLevel().band(state, np.array([5.0]))
    assert (expected[0], lower[0], upper[0]) == (100, 90, 110)
