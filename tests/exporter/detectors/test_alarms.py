from collections.abc import Sequence

import numpy as np

from exporter.detectors import alarms
from exporter.detectors.alarms import Verdict

HOLD = 60.0
NAN = float("nan")


def verdicts(deviations: Sequence[float], step: float = 15.0) -> list[Verdict]:
    state = np.array([alarms.START])
    return [
        alarms.judge(state, np.array([deviation]), i * step, HOLD)
        for i, deviation in enumerate(deviations)
    ]


def column(name: str, deviations: Sequence[float], step: float = 15.0) -> list[float]:
    values = [float(getattr(one, name)[0]) for one in verdicts(deviations, step)]
    return [-1.0 if np.isnan(value) else value for value in values]


def test_nothing_is_said_before_the_first_score_and_then_the_count_is_0() -> None:
    for name in ("total", "active", "score"):
        assert column(name, [NAN, NAN]) == [-1, -1]
    assert column("total", [NAN, 0.2]) == [-1, 0]
    assert column("active", [NAN, 0.2]) == [-1, 0]


def test_an_alarm_is_active_until_the_deviation_was_below_its_line_for_the_hold() -> None:
    deviations = [0, 1.5, 0, 0, 0, 0, 0]
    assert column("active", deviations) == [0, 1, 1, 1, 1, 0, 0]


def test_an_alarm_that_comes_back_within_the_hold_is_the_same_one() -> None:
    deviations = [0, 1, 0, 2, 0, 0, 0, 0, 0, 3]
    assert column("total", deviations) == [0, 1, 1, 1, 1, 1, 1, 1, 1, 2]
    assert column("active", deviations) == [0, 1, 1, 1, 1, 1, 1, 0, 0, 1]


def test_a_missing_deviation_leaves_the_count_and_the_alarm_on_the_page() -> None:
    assert column("total", [0, 1.5, NAN, 0]) == [0, 1, 1, 1]
    assert column("active", [0, 1.5, NAN, 0]) == [0, 1, 1, 1]
    assert column("score", [0, 1.5, NAN, 0])[2] == -1


def test_an_alarm_without_a_hold_lasts_while_the_deviation_is_above_its_line() -> None:
    state = np.array([alarms.START])
    seen = [
        alarms.judge(state, np.array([x]), float(i), 0.0)
        for i, x in enumerate([0.0, 2.0, 2.0, 0.0])
    ]
    assert [float(one.active[0]) for one in seen] == [0, 1, 1, 0]


def test_after_a_peak_only_a_higher_score_is_shown_in_full() -> None:
    score = column("score", [0, 2.0, 1.5, 0.5, 3.0])
    np.testing.assert_allclose(score, [0, 2.0, 0.3, 0.15, 3.0])


def test_the_refractory_ends_by_itself() -> None:
    score = column("score", [2.0] + [0.0] * 30 + [1.5])
    assert score[-1] == 1.5
    score = column("score", [2.0] + [0.0] * 28 + [1.5])
    assert score[-1] == 0.3
