from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.detectors.local_level import LocalLevel
from exporter.detectors.scoring import Judgement, Rule, Scorer
from exporter.model import FloatArray

RULE = Rule(60.0)
DAY = 1440


def judged(lines: FloatArray, rule: Rule = RULE) -> list[Judgement]:
    """Score lines of shape (values, series), row by row."""
    scorer = Scorer(LocalLevel(), lines.shape[1])
    rows = np.arange(lines.shape[1])
    scorer.wipe(rows)
    return [scorer.score(rows, line, rule, i * rule.interval) for i, line in enumerate(lines)]


def deviations(lines: FloatArray, rule: Rule = RULE) -> FloatArray:
    return np.array([judgement.score.deviation for judgement in judged(lines, rule)])


def autoregressive(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    lines = rng.standard_normal(shape)
    for i in range(1, len(lines)):
        lines[i] += 0.7 * lines[i - 1]
    return lines


NOISES: dict[str, Callable[[np.random.Generator, tuple[int, int]], FloatArray]] = {
    "normal": lambda rng, shape: 50 + 3 * rng.standard_normal(shape),
    "log-normal": lambda rng, shape: rng.lognormal(0, 1, shape),
    "autoregressive": autoregressive,
    "bounded": lambda rng, shape: rng.random(shape),
}


@pytest.mark.parametrize("noise", NOISES)
def test_ordinary_noise_raises_about_one_alarm_a_week(noise: str) -> None:
    """Within a factor of 5 from the third day on; noise with bounds may raise none."""
    lines = NOISES[noise](np.random.default_rng(7), (4 * DAY, 150))
    totals = [judgement.verdict.total for judgement in judged(lines)]
    a_week = float(np.mean(totals[-1] - totals[2 * DAY])) * 7 / 2
    assert a_week <= 5
    assert noise == "bounded" or a_week >= 0.2


@pytest.mark.parametrize("step", [1.0, 15.0, 300.0])
def test_the_alarm_rate_is_counted_in_time_whatever_the_step(step: float) -> None:
    assert Rule(step).alarm_rate * 604_800 / step == pytest.approx(1)


@pytest.mark.parametrize("noise", ["normal", "log-normal", "autoregressive"])
@pytest.mark.parametrize("shape", ["step", "spike", "ramp"])
def test_a_change_of_known_size_is_found(shape: str, noise: str) -> None:
    start, series = 2000, 50
    lines = NOISES[noise](np.random.default_rng(8), (start + 40, series))
    size = 30 * lines.std()
    change = {
        "step": np.full(40, size),
        "spike": np.concatenate(([size], np.zeros(39))),
        "ramp": np.linspace(0, 3 * size, 40),
    }
    lines[start:] += change[shape][:, None]
    found = (deviations(lines)[start:] >= 1).any(axis=0)
    assert found.mean() >= 0.95


def test_no_score_comes_before_the_grace_period_and_it_comes_right_after() -> None:
    rule = Rule(15.0, grace=3600.0)
    scores = deviations(np.random.default_rng(1).standard_normal((300, 1)), rule)[:, 0]
    assert rule.grace_values == 240
    assert np.isnan(scores[:240]).all()
    assert np.isfinite(scores[240:]).all()


def test_a_value_that_is_missing_does_not_count_towards_the_grace_period() -> None:
    lines = np.random.default_rng(1).standard_normal((60, 1))
    lines[5:25] = np.nan
    scores = deviations(lines, Rule(15.0, grace=300.0))[:, 0]
    assert np.isnan(scores[:40]).all()
    assert np.isfinite(scores[40:]).all()


def test_a_deviation_of_1_is_the_edge_of_the_band() -> None:
    lines = 100 + np.random.default_rng(3).standard_normal((1000, 50)) ** 3
    for values, judgement in zip(lines[240:], judged(lines)[240:], strict=True):
        score = judgement.score
        outside = (values > score.upper) | (values < score.lower)
        np.testing.assert_array_equal(outside, score.deviation > 1)


def test_warming_series_are_counted_and_missing_ones_are_not() -> None:
    lines = np.ones((3, 4))
    lines[:, 0] = np.nan
    assert [judgement.warming for judgement in judged(lines)] == [3, 3, 3]


def test_a_long_flat_line_and_its_first_wiggle_stay_finite() -> None:
    lines = np.zeros((600, 2))
    lines[:, 1] = 42
    lines[500] += 1e-6
    lines[550:] += 5
    scores = deviations(lines)
    assert np.nanmax(scores) <= 250
    assert (scores[550] >= 1).all()
    assert (scores[300:500] == 0).all()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), neighbours=st.integers(0, 3))
def test_a_series_scores_the_same_whatever_its_neighbours_do(seed: int, neighbours: int) -> None:
    rng = np.random.default_rng(seed)
    line = rng.standard_normal((300, 1)).cumsum(axis=0)
    noise = rng.standard_cauchy((300, neighbours))
    noise[rng.random(noise.shape) < 0.2] = np.nan
    alone = deviations(line)
    together = deviations(np.hstack((noise, line)))
    np.testing.assert_array_equal(together[:, -1:], alone)


def test_a_wiped_row_has_forgotten_everything() -> None:
    scorer = Scorer(LocalLevel(), 2)
    rows = np.arange(2)
    scorer.wipe(rows)
    rule = Rule(15.0, grace=30.0)
    for i in range(40):
        scorer.score(rows, np.array([i % 3, i % 5], float), rule, i * 15.0)
    scorer.wipe(rows[:1])
    after = scorer.score(rows, np.array([1.0, 1.0]), rule, 600.0)
    assert np.isnan(after.verdict.total[0])
    assert np.isfinite(after.score.deviation[1])
