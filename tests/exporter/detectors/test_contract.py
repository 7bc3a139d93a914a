"""What every view passes by existing: the engine with all of them keeps these promises."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.detectors import DETECTORS
from exporter.detectors.scoring import Rule
from exporter.model import FloatArray
from tests.series import START, column, judged

RULE = Rule(60.0, grace=600.0)
VALUES = st.floats(-1e9, 1e9) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e15, 1e150])
LINES = st.lists(VALUES, min_size=1, max_size=60)
NAMES = ("score", "deviation", "novelty", "expected", "lower", "upper", "total", "active")


def everything(lines: FloatArray, times: list[float] | None = None) -> FloatArray:
    judgements = judged(lines, RULE, times)
    return np.array([column(judgements, name) for name in NAMES])


@settings(max_examples=25)
@given(line=LINES, cut=st.integers(1, 60))
def test_a_score_does_not_depend_on_what_comes_later(line: list[float], cut: int) -> None:
    lines = np.array(line)[:, None]
    np.testing.assert_array_equal(everything(lines)[:, :cut], everything(lines[:cut]))


@settings(max_examples=25)
@given(line=LINES, other=LINES)
def test_a_score_does_not_depend_on_other_series(line: list[float], other: list[float]) -> None:
    length = min(len(line), len(other))
    both = np.array([other[:length], line[:length]]).T
    np.testing.assert_array_equal(everything(both)[:, :, 1:], everything(both[:, 1:]))


@settings(max_examples=25)
@given(line=LINES)
def test_a_missing_value_is_silent_and_teaches_nothing(line: list[float]) -> None:
    lines = np.array(line)[:, None]
    times = [START + 60 * i for i in range(len(line))]
    seen = np.abs(lines[:, 0]) < 1e16
    result = everything(lines, times)
    assert np.isnan(result[:6, ~seen]).all()
    if seen.any():
        without = everything(lines[seen], [t for t, s in zip(times, seen, strict=True) if s])
        np.testing.assert_array_equal(result[:, seen], without)


@settings(max_examples=25)
@given(line=st.lists(st.floats(-1e15, 1e15), min_size=30, max_size=60))
def test_scores_and_bands_are_finite_once_enough_is_known(line: list[float]) -> None:
    result = everything(np.array(line)[:, None])[:, 10:]
    assert np.isfinite(result).all()
    _, deviation, novelty, expected, lower, upper, _, _ = result
    assert (deviation >= 0).all()
    assert (novelty >= 0).all()
    assert ((lower <= expected) & (expected <= upper)).all()


def test_every_view_says_what_it_is() -> None:
    for view in DETECTORS.values():
        assert view.deviation > 0 or view.novelty > 0
        assert (view.slots > 0) == (view.slot_seconds > 0)
