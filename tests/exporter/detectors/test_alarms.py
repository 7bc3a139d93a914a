from collections.abc import Sequence

import numpy as np
import pytest

from exporter.detectors import alarms
from exporter.detectors.alarms import Evidence
from exporter.model import FloatArray

HOLD = 60.0
NEVER = 1e6


def run(
    deviations: Sequence[float],
    novelties: Sequence[float] | None = None,
    values: Sequence[float] | None = None,
    hold: float = HOLD,
) -> FloatArray:
    """Return score, total and active, shape (3, values), of values 15 s apart, band -1 to 1."""
    state = np.zeros((alarms.WIDTH, 1), np.float32)
    clocks = np.full((alarms.CLOCKS, 1), -np.inf)
    one = np.ones(1, np.float32)
    rows = []
    for i, deviation in enumerate(deviations):
        novelty = novelties[i] if novelties else 0.0
        value = values[i] if values else 0.0
        seen = (value * one, deviation * one, novelty * one)
        evidence = Evidence(*seen, 0 * one, -one, one, one > 0)
        at = np.array([15.0 * i])
        score = alarms.judge(state, clocks, evidence, at, hold)
        total, active = alarms.standing(state, clocks, at, hold)
        rows.append((score[0], total[0], active[0]))
    return np.array(rows).T


def test_nothing_is_said_before_the_first_score_and_then_the_count_is_0() -> None:
    state = np.zeros((alarms.WIDTH, 1), np.float32)
    clocks = np.full((alarms.CLOCKS, 1), -np.inf)
    total, active = alarms.standing(state, clocks, np.zeros(1), HOLD)
    assert np.isnan(total[0])
    assert np.isnan(active[0])
    assert run([0.2])[1:, 0].tolist() == [0, 0]


def test_an_alarm_is_active_until_the_deviation_was_below_its_line_for_the_hold() -> None:
    assert run([0, 1.5, 0, 0, 0, 0, 0])[2].tolist() == [0, 1, 1, 1, 1, 0, 0]


def test_an_alarm_that_comes_back_within_the_hold_is_the_same_one() -> None:
    _, total, active = run([0, 1, 0, 2, 0, 0, 0, 0, 0])
    assert total.tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 1]
    assert active.tolist() == [0, 1, 1, 1, 1, 1, 1, 0, 0]


def test_an_alarm_lasts_while_the_value_is_outside_the_band_that_held_when_it_was_raised() -> None:
    values = [0, 9] + [9] * 20 + [0] * 10
    deviations = [0, 5.0] + [0.3] * 30
    active = run(deviations, values=values)[2]
    assert active.tolist() == [0] + [1] * 24 + [0] * 7


@pytest.mark.parametrize("back", [-9.0, 4.0])
def test_a_value_that_is_halfway_back_or_beyond_the_other_side_keeps_no_alarm_up(
    back: float,
) -> None:
    values = [0, 9] + [9] * 20 + [back] * 10
    active = run([0, 5.0] + [0.3] * 30, values=values)[2]
    assert active.tolist() == [0] + [1] * 24 + [0] * 7


def test_a_value_that_stays_outside_for_an_hour_is_the_new_normal() -> None:
    steps = 300
    active = run([5.0] + [0.3] * steps, values=[9.0] * (steps + 1))[2]
    assert active[: 3600 // 15].all()
    assert not active[3600 // 15 + 5 :].any()


def test_an_alarm_without_a_hold_lasts_while_the_deviation_is_above_its_line() -> None:
    assert run([0.0, 2.0, 2.0, 0.0], hold=0.0)[2].tolist() == [0, 1, 1, 0]


def test_a_deviation_counts_little_more_the_further_it_is_above_its_line() -> None:
    assert run([1.0])[0, 0] == pytest.approx(1)
    assert run([2.0])[0, 0] == pytest.approx(1.01)
    assert run([1000.0])[0, 0] == pytest.approx(1.02, abs=1e-3)


def test_a_novelty_is_shown_as_it_is() -> None:
    assert run([0.0], [7.0])[0, 0] == 7


def test_a_record_is_shown_in_full_where_it_is_higher_than_those_of_late() -> None:
    score = run([0.0] * 4, [2.0, 1.5, 3.0, 0.5])[0]
    np.testing.assert_allclose(score, [2.0, 0.3 * 0.84, 3.0, 0.15], rtol=1e-3)


def test_after_an_alarm_no_deviation_is_shown_in_full_for_a_while() -> None:
    score = run([0, 2.0, 1.5, 0.5, 3.0])[0]
    np.testing.assert_allclose(score, [0, 1.01, 0.3 * 0.84, 0.15, 0.3 * 0.84], rtol=1e-3)


def test_the_refractory_ends_by_itself() -> None:
    assert run([2.0] + [0.0] * 30 + [0.5])[0, -1] == pytest.approx(0.5)
    assert run([2.0] + [0.0] * 29 + [0.5])[0, -1] == pytest.approx(0.15)
    assert run([0.0] * 101, [2.0] + [0.0] * 99 + [1.5])[0, -1] == pytest.approx(0.3 * 0.84)
