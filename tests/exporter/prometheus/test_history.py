import itertools

import numpy as np
import pytest

from exporter.prometheus.answers import Answer
from exporter.prometheus.history import MOST_A_SERIES, grid, later, plan
from exporter.prometheus.span import Span

END, DAY = 1.7e9, 86_400.0


def moments(spans: list[Span]) -> np.ndarray:
    return np.concatenate([span.times for span in spans])


@pytest.mark.parametrize("series", [1, 10, 4000, 100_000, 1_000_000])
@pytest.mark.parametrize("interval", [1.0, 15.0, 300.0])
@pytest.mark.parametrize("history", [600.0, DAY, 14 * DAY])
def test_no_question_is_too_large_and_time_never_goes_back(
    history: float, interval: float, series: int
) -> None:
    spans = plan(END, history, interval, series)
    times = moments(spans)
    assert times[-1] == pytest.approx(END)
    assert times[0] >= END - history - 20 * interval
    assert (np.diff(times) >= interval * 0.999).all()
    assert (np.diff(times) <= interval * 20.001).all()
    assert len(times) <= MOST_A_SERIES
    assert len(times) * series <= 50_000_000 + series
    for span in spans:
        assert 1 <= span.count <= 11_000
        assert span.count == 1 or span.count * series <= 500_000


def test_what_fits_is_asked_for_at_the_interval_itself() -> None:
    spans = plan(END, DAY, 15, 10)
    assert (np.diff(moments(spans)) == 15).all()
    assert len(moments(spans)) == 5761


def test_two_weeks_have_their_latest_day_at_the_interval_and_the_rest_coarser() -> None:
    times = moments(plan(END, 14 * DAY, 15, 10))
    assert END - times[0] == pytest.approx(14 * DAY, rel=0.1)
    steps = np.diff(times)
    assert (steps[-5000:] == 15).all()
    assert set(steps[:5000]) == {210.0}


def test_of_very_many_series_less_of_the_past_is_asked_for_rather_than_nothing_of_use() -> None:
    times = moments(plan(END, 14 * DAY, 15, 100_000))
    assert len(times) == 500
    assert END - times[0] < 2 * DAY


@pytest.mark.parametrize("than", [-np.inf, END - 100, END - 30, END - 20, END, END + 9])
def test_what_is_known_is_not_asked_for_again(than: float) -> None:
    spans = [Span(END - 90, 30, 2), Span(END - 30, 10, 4)]
    kept = later(spans, than)
    wanted = [time for time in moments(spans) if time > than]
    assert list(itertools.chain.from_iterable(span.times for span in kept)) == wanted


def test_points_find_their_moment_and_column() -> None:
    span, table = Span(100, 10, 3), np.full((3, 2), np.nan)
    answer = Answer(
        [b"a", b"b", b"other"],
        np.array([3, 1, 1]),
        np.array([100.001, 110, 119.999, 110, 110]),
        np.array([1.0, 2, 3, 4, 5]),
    )
    grid(answer, np.array([1, 0, -1]), span, table)
    np.testing.assert_array_equal(table, [[np.nan, 1], [4, 2], [np.nan, 3]])
