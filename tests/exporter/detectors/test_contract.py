"""What every detector passes by existing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.detectors import DETECTORS
from exporter.detectors.contract import Detector
from exporter.model import FloatArray

ALL = pytest.mark.parametrize("name", DETECTORS)
VALUES = st.floats(-1e9, 1e9) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0])
LINES = st.lists(VALUES, min_size=1, max_size=40)


def innovations(detector: Detector, lines: FloatArray) -> FloatArray:
    """Feed lines of shape (series, values), one column after the other."""
    state = np.full((len(lines), detector.width), np.nan)
    result = np.empty_like(lines)
    for i, values in enumerate(lines.T):
        result[:, i] = detector.innovation(state, values)
        detector.learn(state, values)
    return result


@ALL
@given(line=LINES, cut=st.integers(0, 40))
def test_an_innovation_does_not_depend_on_what_comes_later(
    name: str, line: list[float], cut: int
) -> None:
    whole = innovations(DETECTORS[name](), np.array([line]))
    part = innovations(DETECTORS[name](), np.array([line[:cut]]).reshape(1, -1))
    np.testing.assert_array_equal(whole[:, : part.shape[1]], part)


@ALL
@given(line=LINES, other=LINES)
def test_an_innovation_does_not_depend_on_other_series(
    name: str, line: list[float], other: list[float]
) -> None:
    length = min(len(line), len(other))
    both = innovations(DETECTORS[name](), np.array([other[:length], line[:length]]))
    alone = innovations(DETECTORS[name](), np.array([line[:length]]))
    np.testing.assert_array_equal(both[1:], alone)


@ALL
@given(line=LINES)
def test_a_missing_value_is_silent_and_teaches_nothing(name: str, line: list[float]) -> None:
    with_gaps = np.array([line])
    seen = np.isfinite(with_gaps[0])
    result = innovations(DETECTORS[name](), with_gaps)
    assert np.isnan(result[0, ~seen]).all()
    without = innovations(DETECTORS[name](), with_gaps[:, seen])
    np.testing.assert_array_equal(result[:, seen], without)


@ALL
@given(line=st.lists(st.floats(-1e9, 1e9), min_size=40, max_size=60))
def test_innovations_and_bands_are_finite_once_enough_is_known(
    name: str, line: list[float]
) -> None:
    detector = DETECTORS[name]()
    assert np.isfinite(innovations(detector, np.array([line]))[0, 30:]).all()
    state = np.full((1, detector.width), np.nan)
    for value in line:
        detector.learn(state, np.array([value]))
    expected, lower, upper = detector.band(state, np.array([4.0]))
    assert lower[0] <= expected[0] <= upper[0]
