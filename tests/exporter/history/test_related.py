import numpy as np
import pytest
from numpy.typing import NDArray

from exporter.history.related import Related, Traces, related

TICKS = 60
TIMES = np.arange(1000.0, 1000 + 15 * TICKS, 15)
NOISE = np.random.default_rng(5).normal(size=(TICKS, 400)).astype(np.float32)
Floats = NDArray[np.float32]


def peaking(at: int, score: float = 3.0) -> Floats:
    trace = np.full(TICKS, 0.2, np.float32)
    trace[at] = score
    return trace


def find(target: Traces, *others: Traces, most: int = 10) -> list[Related]:
    score = np.stack([one.score for one in others], axis=1)
    residual = np.stack([one.residual for one in others], axis=1)
    return related(TIMES, target, Traces(score, residual), most)


QUIET = np.full(TICKS, 0.2, np.float32)


def test_what_peaked_before_is_ahead_and_what_peaked_after_is_behind() -> None:
    target = Traces(peaking(30), NOISE[:, 0])
    earlier, later = Traces(peaking(28), NOISE[:, 1]), Traces(peaking(33, 2.0), NOISE[:, 2])
    first, second = find(target, later, earlier, Traces(QUIET, NOISE[:, 3]))
    assert (first.index, first.lead, first.score) == (1, 30, 3)
    assert (second.index, second.lead, second.score) == (0, -45, 2)


@pytest.mark.parametrize("ahead", [0, 4, -7])
@pytest.mark.parametrize("sign", [1, -1])
def test_residuals_that_run_together_are_found_without_any_peak(ahead: int, sign: int) -> None:
    shifted = np.roll(NOISE[:, 0], -ahead) * sign
    target = Traces(QUIET, NOISE[:, 0])
    (one,) = find(target, Traces(QUIET, NOISE[:, 1]), Traces(QUIET, shifted))
    assert one.index == 1
    assert one.lead == 15 * ahead
    assert one.correlation * sign > 0.8


@pytest.mark.parametrize("ticks", [10, 20, TICKS])
@pytest.mark.parametrize("series", [3, 399])
def test_noise_is_related_to_nothing(ticks: int, series: int) -> None:
    """Of each of many series chosen as the target; in all answers together one may be chance."""
    found = 0
    for target in range(40):
        others = np.roll(NOISE[:ticks], -target, axis=1)[:, 1 : series + 1]
        quiet: Floats = np.full(others.shape, 0.7, np.float32)
        traces = Traces(quiet, others)
        own = Traces(peaking(ticks // 2)[:ticks], NOISE[:ticks, target])
        found += len(related(TIMES[:ticks], own, traces, 400))
    assert found <= 3


def test_what_moves_together_is_found_below_drifts_of_their_own() -> None:
    own, other, moves = NOISE[:, 0].copy(), NOISE[:, 1].copy(), 3 * NOISE[:, 2]
    own, other = moves + own - 5 * np.arange(TICKS, dtype=np.float32), moves + other
    (one,) = find(Traces(QUIET, own), Traces(QUIET, other), Traces(QUIET, NOISE[:, 3]))
    assert (one.index, one.lead, one.together) == (0, 0, True)


def test_what_drifts_is_not_related_to_a_jump_that_lasts() -> None:
    drifts = np.zeros((TICKS, 200), np.float32)
    for tick in range(1, TICKS):
        drifts[tick] = 0.9 * drifts[tick - 1] + NOISE[tick, :200]
    jump = NOISE[:, 300].copy()
    jump[50:] += 20
    found = [find(Traces(QUIET, jump), Traces(QUIET, drifts[:, i])) for i in range(200)]
    assert sum(map(len, found)) <= 4


def test_those_beyond_the_line_are_in_front_and_then_those_that_only_run_along() -> None:
    target = Traces(peaking(30), NOISE[:, 0])
    noisy = (NOISE[:, 0] + NOISE[:, 5] / 2).astype(np.float32)
    others = [
        Traces(QUIET, noisy),
        Traces(peaking(30, 0.9), NOISE[:, 1]),
        Traces(peaking(30, 1.1), NOISE[:, 2]),
        Traces(QUIET, -NOISE[:, 0]),
        Traces(peaking(30, 5.0), NOISE[:, 3]),
    ]
    found = find(target, *others)
    assert [one.index for one in found] == [4, 2, 3, 0], "a peak below the line is no move"
    assert [one.together for one in found] == [False, False, True, True]


def test_a_score_that_peaks_again_has_risen_where_it_did_so_first() -> None:
    again = peaking(30, 20.0)
    again[34], again[5] = 21.0, 1.1
    (one,) = find(Traces(again, NOISE[:, 0]), Traces(peaking(28), NOISE[:, 1]))
    assert one.lead == 30


def test_of_many_the_strongest_are_returned() -> None:
    others = [Traces(peaking(30, 1 + i / 10), NOISE[:, i + 1]) for i in range(20)]
    found = find(Traces(peaking(30), NOISE[:, 0]), *others, most=3)
    assert len(found) == 3
    assert min(one.index for one in found) >= 10


def test_missing_values_and_one_wild_residual_do_not_hide_the_relation() -> None:
    own, other = NOISE[:, 0].copy(), NOISE[:, 0].copy()
    other[10:16], own[40] = np.nan, 1e9
    (one,) = find(Traces(QUIET, own), Traces(np.full(TICKS, np.nan, np.float32), other))
    assert one.together
    assert one.correlation > 0.4


def test_without_a_past_or_without_others_nothing_is_said() -> None:
    trace = Traces(QUIET, NOISE[:, 0])
    none = Traces(np.zeros((TICKS, 0), np.float32), np.zeros((TICKS, 0), np.float32))
    assert related(TIMES, trace, none, 5) == []
    short = Traces(peaking(1)[:3, None], NOISE[:3, :1])
    assert related(TIMES[:3], Traces(QUIET[:3], NOISE[:3, 0]), short, 5) == []


def test_constant_series_correlate_with_nothing() -> None:
    flat = Traces(QUIET, np.zeros(TICKS, np.float32))
    assert find(flat, flat, Traces(QUIET, NOISE[:, 0])) == []
