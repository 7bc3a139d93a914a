import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.detectors.scoring import SPEAKERS, Rule, Scorer
from exporter.model import FloatArray
from tests.series import NOISES, START, column, judged

RULE = Rule(60.0)
FORETELLING = [i for i, name in enumerate(SPEAKERS) if name in ("level", "autoregression", "week")]
WEEK = 2016


def deviations(lines: FloatArray, rule: Rule = RULE) -> FloatArray:
    return column(judged(lines, rule), "deviation")


@pytest.mark.parametrize("noise", NOISES)
def test_ordinary_noise_raises_about_one_alarm_a_week(noise: str) -> None:
    """Within a factor of 4 in the second week, on few series; tests/bench measures it well."""
    rule = Rule(300.0)
    lines = NOISES[noise](np.random.default_rng(7), (2 * WEEK, 60))
    totals = column(judged(lines, rule), "total")
    a_week = float(np.mean(totals[-1] - totals[WEEK]))
    assert 0.25 <= a_week <= 4


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
    totals = column(judged(lines, RULE), "total")
    assert (totals[-1] > totals[start - 1]).mean() >= 0.95


def test_a_change_that_stays_becomes_the_new_normal() -> None:
    lines = 10 + np.random.default_rng(2).standard_normal((4000, 20))
    lines[2000:] += 40
    judgements = judged(lines, RULE)
    active = column(judgements, "active")
    assert active[2000:2030].any(axis=0).mean() >= 0.95
    assert active[2100:].mean() < 0.01
    assert np.abs(column(judgements, "expected")[3999] - 50).max() < 2


def test_a_series_that_stops_moving_is_news_and_the_flat_view_says_so() -> None:
    lines = 10 + np.random.default_rng(2).standard_normal((2100, 5))
    lines[2000:] = lines[2000]
    judgements = judged(lines, RULE)
    assert (column(judgements, "active")[2030] == 1).all()
    assert SPEAKERS[column(judgements, "view")[2012, 0]] == "flat"


def test_a_period_found_from_the_data_is_missed_when_it_stops() -> None:
    """A peak every 13 values; one that does not come is no record and no large step."""
    lines = 5 + 0.1 * np.random.default_rng(2).standard_normal((3000, 5))
    lines[::13] += 40
    lines[2600] -= 40
    judgements = judged(lines, RULE)
    active = column(judgements, "active")
    assert active[2000:2600].mean() < 0.02
    assert (active[2600] == 1).all()
    assert SPEAKERS[column(judgements, "view")[2600, 0]] == "period"


@pytest.mark.parametrize("shape", ["spike", "step", "swing"])
def test_what_is_expected_lies_within_its_band_also_where_views_disagree(shape: str) -> None:
    lines = 100 + np.random.default_rng(4).standard_normal((700, 8))
    if shape == "swing":
        lines += 300 * np.sin(np.arange(700) / 2)[:, None]
    lines[600 : 601 if shape == "spike" else 700] += 4000
    judgements = judged(lines, Rule(15.0))
    lower, expected, upper = (column(judgements, name) for name in ("lower", "expected", "upper"))
    scored = np.isfinite(column(judgements, "deviation"))
    assert (lower < expected)[scored].all()
    assert (expected < upper)[scored].all()


@pytest.mark.parametrize("minute", [0, 5, 35])
def test_what_is_done_every_hour_is_no_news_a_week_after_the_start(minute: int) -> None:
    """While the hours of the week come for the first time, their means are still moving."""
    lines = 20 + 0.5 * np.random.default_rng(2).standard_normal((WEEK + 300, 5))
    jobs = np.arange(minute // 5, len(lines), 12)
    lines[jobs] += 280
    times = START - START % 3600 + 300.0 * np.arange(len(lines))
    scores = column(judged(lines, Rule(300.0), times.tolist()), "score")
    assert scores[jobs[24:]].max() < 1


@pytest.mark.parametrize("growth", ["disk", "uptime"])
def test_what_grows_as_steadily_as_ever_is_no_news_a_week_after_the_start(growth: str) -> None:
    """A week ago every hour was lower by as much: that much is known after the first of them."""
    rng, values = np.random.default_rng(2), WEEK + 300
    step, noise = {"disk": (3e-5, 1e-3), "uptime": (300.0, 0.5)}[growth]
    lines = 0.2 + step * np.arange(values)[:, None] + noise * rng.standard_normal((values, 5))
    scores = column(judged(lines, Rule(300.0)), "score")
    assert (scores[WEEK:] >= 1).sum() <= 1


def test_what_is_done_every_night_is_news_for_two_nights_and_then_not() -> None:
    """Of a step of a thousand scatters no scale of its hour learns, which it fills by half."""
    days, day = 9, 288
    lines = 20 + 0.5 * np.random.default_rng(2).standard_normal((days * day, 5))
    nights = np.arange(1, days)[:, None] * day + np.arange(30, 36)
    lines[nights] += 480
    times = START - START % 86_400 + 300.0 * np.arange(len(lines))
    scores = column(judged(lines, Rule(300.0), times.tolist()), "score")
    assert (scores[nights[:2]].max(axis=1) >= 1).all()
    assert scores[nights[2:]].max() < 1


def test_what_came_on_one_night_is_as_much_news_on_the_next() -> None:
    day = 288
    lines = 20 + 0.5 * np.random.default_rng(2).standard_normal((5 * day, 5))
    lines[3 * day + 30] += 12
    lines[4 * day + 30] += 12
    totals = column(judged(lines, Rule(300.0)), "total")
    assert (np.diff(totals, axis=0)[[3 * day + 29, 4 * day + 29]] == 1).all()


def test_a_daily_peak_that_does_not_come_is_news_in_the_third_week() -> None:
    lines = 50 + np.random.default_rng(2).standard_normal((14 * 288 + 1, 5))
    hours = np.arange(len(lines)) // 12 % 24
    lines[(hours == 0) & (np.arange(len(lines)) < 14 * 288)] += 10
    times = START - START % 86_400 + 300.0 * np.arange(len(lines))
    scores = column(judged(lines, Rule(300.0), times.tolist()), "score")
    assert (scores[-1] >= 1).all()


@pytest.mark.parametrize("hours", [2, 24])
def test_the_band_at_the_top_of_a_new_hour_is_one_of_the_past(hours: int) -> None:
    """The same past, and a different value last: within the band or not, it is the same band."""
    lines = 100 + 5 * np.random.default_rng(2).standard_normal((hours * 60 - 20, 1))
    times = START - START % 3600 + 1200 + 60.0 * np.arange(len(lines) + 1)
    bands = []
    for last in (60.0, 103.0, 140.0):
        ended = np.vstack((lines, [[last]]))
        scores = judged(ended, RULE, times.tolist())
        bands.append((column(scores, "lower")[-1, 0], column(scores, "upper")[-1, 0]))
    assert np.ptp(bands, axis=0).max() < 0.1 * np.ptp(bands[0])


def test_an_alarm_lasts_as_long_as_a_burst_in_counts() -> None:
    rng = np.random.default_rng(2)
    lines = rng.poisson(0.05, (4000, 5)).astype(float)
    lines[3000:3030] = 3 + rng.poisson(8, (30, 5))
    active = column(judged(lines, RULE), "active")
    assert active[3001:3030].mean() > 0.95
    assert active[3045:].mean() < 0.05


def test_a_second_burst_in_series_that_swing_is_an_alarm_of_its_own() -> None:
    """Whatever the phase: the first alarm ends when its burst does, not an hour later."""
    swing = np.sin(np.arange(480)[:, None] / 6.5 + np.arange(24))
    swing[340:347] = 1000
    swing[-1] = 3000
    totals = column(judged(swing, Rule(15.0)), "total")
    assert totals[-2].tolist() == [1] * 24
    assert totals[-1].tolist() == [2] * 24


def test_a_constant_series_is_ordinary_for_ever() -> None:
    assert (deviations(np.full((3000, 2), [0.0, 42.0]))[100:] < 0.5).all()


def test_no_score_comes_before_the_grace_period_and_it_comes_right_after() -> None:
    rule = Rule(15.0, grace=3600.0)
    scores = deviations(np.random.default_rng(1).standard_normal((300, 1)), rule)[:, 0]
    assert np.isnan(scores[:240]).all()
    assert np.isfinite(scores[240:]).all()


def test_the_band_ends_where_a_view_that_foretells_the_value_raises_an_alarm() -> None:
    lines = 100 + np.random.default_rng(3).standard_normal((3000, 50)) ** 3
    judgements = judged(lines, RULE)
    alarmed = 0
    for values, judgement in zip(lines[240:], judgements[240:], strict=True):
        score = judgement.score
        size = np.maximum(score.deviation, score.novelty)
        outside = (values > score.upper * (1 + 1e-5)) | (values < score.lower * (1 - 1e-5))
        assert (size[outside] > 0.99).all()
        foretells = np.isin(score.view, FORETELLING)
        alarmed += int(np.count_nonzero(outside))
        assert outside[foretells & (size > 1.01)].all()
    assert alarmed > 20


@pytest.mark.parametrize("step", [1.0, 15.0, 60.0])
def test_a_jump_that_went_by_does_not_make_a_young_series_deaf(step: float) -> None:
    lines = 100 + np.random.default_rng(2).standard_normal((800, 20))
    lines[400:406] = 300
    lines[445:450] = lines[600:605] = 160
    rule = Rule(step, grace=100 * step, hold=10 * step)
    alarms = np.diff(column(judged(lines, rule), "total")[[399, 410, 444, 450, 599, 605]], axis=0)
    assert np.median(alarms, axis=1).tolist() == [1, 0, 1, 0, 1]


def test_the_band_of_a_ratio_is_one_of_ratios() -> None:
    lines = np.random.default_rng(2).beta(0.5, 20, (300, 20))
    scorer, rows = Scorer(20), np.arange(20)
    scorer.wipe(rows)
    for i, line in enumerate(lines):
        at = np.full(20, START + 15.0 * i)
        score = scorer.score(rows, line, at, Rule(15.0), ratios=np.ones(20, np.bool_)).score
    assert (score.lower >= 0).all()
    assert (score.upper <= 1).all()


def test_warming_series_are_counted_and_missing_ones_are_not() -> None:
    lines = np.ones((3, 4))
    lines[:, 0] = np.nan
    assert [judgement.warming for judgement in judged(lines, RULE)] == [3, 3, 3]


def test_a_value_that_is_not_newer_is_late_and_changes_nothing() -> None:
    lines = np.random.default_rng(1).standard_normal((100, 1))
    times = [START + 60 * i for i in range(100)]
    twice = np.repeat(lines, 2, axis=0)
    twice[1::2] += 1000
    judgements = judged(twice, RULE, np.repeat(times, 2).tolist())
    assert [j.late for j in judgements] == [0, 1] * 100
    once = column(judged(lines, RULE, times), "deviation")
    np.testing.assert_array_equal(column(judgements, "deviation")[::2], once)


def test_after_a_long_gap_the_first_value_is_no_news() -> None:
    lines = np.random.default_rng(1).standard_normal((400, 10))
    lines[300:] += 500
    times = START + 60.0 * np.arange(400)
    times[300:] += 86_400
    scores = column(judged(lines, RULE, times.tolist()), "deviation")
    assert (scores[300] < 0.01).all()
    assert np.isfinite(scores[301:]).all()


def test_a_clock_that_was_set_back_a_day_does_not_silence_a_series() -> None:
    lines = np.random.default_rng(1).standard_normal((400, 1))
    times = START + 60.0 * np.arange(400)
    times[300:] -= 86_400
    assert np.isfinite(column(judged(lines, RULE, times.tolist()), "deviation")[301:]).all()


def test_a_series_that_began_with_zeros_is_measured_like_any_other() -> None:
    lines = 20 + np.random.default_rng(6).standard_normal((4000, 10))
    lines[:200] = 0
    usual, scores = deviations(lines[200:]), deviations(lines)
    assert np.median(scores[3500:]) == pytest.approx(np.median(usual[3300:]), rel=0.7)
    lines[3900] += 50
    assert (deviations(lines)[3900] >= 1).all()


def test_a_long_flat_line_and_its_first_wiggle_stay_finite() -> None:
    lines = np.zeros((600, 2))
    lines[:, 1] = 42
    lines[500] += 1e-6
    lines[550:] += 5
    judgements = judged(lines, RULE)
    scores = column(judgements, "deviation")
    assert np.nanmax(scores) <= 1000
    assert (column(judgements, "score")[550] >= 1).all()
    assert (scores[300:500] < 0.5).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1.7e308])
def test_a_value_that_means_no_limit_is_a_missing_one(value: float) -> None:
    lines = np.random.default_rng(1).standard_normal((100, 1))
    lines[50] = value
    scores = deviations(lines, Rule(60.0, grace=1200.0))
    assert np.isnan(scores[50])
    assert np.isfinite(scores[51:]).all()


def test_ratios_are_judged_in_a_scale_of_their_own_and_banded_in_theirs() -> None:
    rng = np.random.default_rng(4)
    lines = rng.beta(20, 500, (1500, 20))
    scorer, rows = Scorer(20), np.arange(20)
    scorer.wipe(rows)
    for i, line in enumerate(lines):
        at = np.full(20, START + 60.0 * i)
        score = scorer.score(rows, line, at, RULE, ratios=np.ones(20, np.bool_)).score
    assert (np.abs(score.expected - 0.04) < 0.05).all()
    assert (score.lower < score.expected).all()
    assert (score.upper < 1).all()


def test_more_accepted_alarms_mean_a_lower_line() -> None:
    line = np.random.default_rng(4).standard_normal((2000, 1))
    lines = np.repeat(line, 3, axis=1)
    scorer, rows = Scorer(3), np.arange(3)
    scorer.wipe(rows)
    alarms = np.array([7 / 30.44, 1.0, 7.0])
    for i, values in enumerate(lines):
        at = np.full(3, START + 60.0 * i)
        score = scorer.score(rows, values, at, RULE, sensitivity=alarms).score
    assert score.deviation[0] < score.deviation[1] < score.deviation[2]
    assert score.upper[0] > score.upper[1] > score.upper[2]


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), neighbours=st.integers(0, 3))
def test_a_series_scores_the_same_whatever_its_neighbours_do(seed: int, neighbours: int) -> None:
    rng = np.random.default_rng(seed)
    line = rng.standard_normal((300, 1)).cumsum(axis=0)
    noise = rng.standard_cauchy((300, neighbours))
    noise[rng.random(noise.shape) < 0.2] = np.nan
    together = deviations(np.hstack((noise, line)))
    np.testing.assert_array_equal(together[:, -1:], deviations(line))


def test_scattered_rows_score_as_consecutive_ones_do() -> None:
    lines = np.random.default_rng(5).standard_normal((200, 4))
    straight = deviations(lines)
    scorer, rows = Scorer(9), np.array([7, 2, 5, 0])
    scorer.wipe(rows)
    for i, line in enumerate(lines):
        at = np.full(4, START + 60.0 * i)
        found = scorer.score(rows, line, at, RULE).score.deviation
        np.testing.assert_array_equal(found, straight[i])


def test_a_wiped_row_has_forgotten_everything() -> None:
    scorer = Scorer(2)
    rows = np.arange(2)
    scorer.wipe(rows)
    rule = Rule(15.0, grace=30.0)
    for i in range(40):
        at = np.full(2, START + 15.0 * i)
        scorer.score(rows, np.array([i % 3, i % 5], float), at, rule)
    scorer.wipe(rows[:1])
    after = scorer.score(rows, np.array([1.0, 1.0]), np.full(2, START + 600), rule)
    assert np.isnan(after.verdict.total[0])
    assert np.isfinite(after.score.deviation[1])
