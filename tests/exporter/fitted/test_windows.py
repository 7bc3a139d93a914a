import numpy as np
import pytest

from exporter.fitted.features import FEATURES, Scale, describe
from exporter.fitted.windows import MOST_VECTORS, Windows
from exporter.model import FloatArray

ROW = np.zeros(1, np.intp)


def test_a_window_is_described_by_what_a_person_would_say_of_it() -> None:
    said = dict(zip(FEATURES, describe(np.array([[1.0, 3.0, 5.0, 9.0]]))[0], strict=True))
    assert said == pytest.approx(
        {
            "last": 9,
            "mean": 4.5,
            "scatter": np.std([1, 3, 5, 9]),
            "slope": 2.6,
            "least": 1,
            "most": 9,
            "step": 4,
            "roughness": 8 / 3,
        }
    )


def test_a_scale_is_not_moved_by_a_tenth_of_outliers() -> None:
    rng = np.random.default_rng(0)
    vectors = 100 + 5 * rng.standard_normal((1000, len(FEATURES)))
    plain = Scale.of(vectors)
    vectors[::10] += 1e6
    spoilt = Scale.of(vectors)
    np.testing.assert_allclose(spoilt.centre, plain.centre, rtol=0.01)
    np.testing.assert_allclose(spoilt.spread, plain.spread, rtol=0.3)


@pytest.mark.parametrize("value", [0.0, 7.0, -1e9, 1e100])
def test_a_constant_has_a_scale_too(value: float) -> None:
    scale = Scale.of(np.full((300, len(FEATURES)), value))
    assert np.isfinite(scale.apply(np.full((1, len(FEATURES)), value + 1))).all()


def append(
    windows: Windows, values: list[float], start: float = 0.0, step: float = 15.0
) -> list[bool]:
    times = start + step * np.arange(len(values))
    pairs = zip(values, times, strict=True)
    return [bool(windows.append(ROW, np.array([v]), np.array([t]))[0]) for v, t in pairs]


def test_a_window_is_whole_after_its_length_and_missing_values_do_not_count() -> None:
    windows = Windows(1, 4, 86_400)
    assert append(windows, [1, np.nan, 2, np.inf, 1e200, 3, 4, 5]) == [False] * 6 + [True] * 2
    last = windows.vectors(ROW)[0, FEATURES.index("last")]
    assert (last, windows.vectors(ROW)[0, FEATURES.index("least")]) == (5, 2)


def test_a_value_that_comes_twice_counts_once() -> None:
    windows = Windows(1, 4, 86_400)
    append(windows, [1, 2, 3, 4])
    assert append(windows, [4, 4], start=45, step=0) == [False, False]


def test_after_a_gap_of_more_than_an_hour_a_window_starts_anew() -> None:
    windows = Windows(1, 4, 86_400)
    append(windows, [1, 2, 3, 4])
    assert append(windows, [1, 2, 3, 4], start=45 + 3601) == [False] * 3 + [True]
    assert windows.step[0] == pytest.approx(15), "the gap is no step"


@pytest.mark.parametrize("step", [1.0, 15.0, 60.0, 300.0])
def test_the_step_of_a_series_is_learned(step: float) -> None:
    windows = Windows(1, 4, 86_400)
    append(windows, [float(i) for i in range(50)], step=step)
    assert windows.step[0] == pytest.approx(step)


def kept(history: float, count: int, step: float = 15.0) -> FloatArray:
    windows = Windows(1, 4, history)
    for i in range(count):
        if append(windows, [float(i)], start=step * i)[0]:
            windows.vectors(ROW)
    return windows.history(0)[:, FEATURES.index("last")]


def test_a_young_series_keeps_every_vector_so_that_a_fit_need_not_wait() -> None:
    assert set(np.diff(kept(history=86_400, count=MOST_VECTORS + 3))) == {1}


def test_a_full_history_is_thinned_until_it_spans_what_it_should() -> None:
    last = kept(history=86_400, count=MOST_VECTORS + 1000)
    assert set(np.diff(last)) == {2}, "a day in 4,000 vectors is one every 21.6 s"
    assert last[0] == 3
    assert last[-1] >= MOST_VECTORS + 998


def test_a_thinned_history_holds_the_newest_vectors_once_it_is_full_again() -> None:
    last = kept(history=86_400, count=2 * MOST_VECTORS + 500)
    assert len(last) == MOST_VECTORS
    assert set(np.diff(last)) == {2}
    assert last[-1] >= 2 * MOST_VECTORS + 498


def test_the_history_holds_the_newest_vectors_oldest_first() -> None:
    last = kept(history=60, count=MOST_VECTORS + 104)
    assert len(last) == MOST_VECTORS
    assert last[0] == 104
    assert set(np.diff(last)) == {1}


def test_a_wiped_row_is_new() -> None:
    windows = Windows(1, 4, 60)
    append(windows, [1, 2, 3, 4])
    windows.vectors(ROW)
    windows.wipe(ROW)
    assert windows.kept[0] == 0
    assert len(windows.history(0)) == 0
    assert append(windows, [9], start=0) == [False]
