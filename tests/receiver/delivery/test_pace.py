import random
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.delivery import pace
from receiver.model import Pace
from receiver.store.records import Gate
from tests.receiver.webhooks import START

DINGTALK, SLACK = Pace(20, 60), Pace(1, 1)
paces = st.builds(Pace, st.integers(1, 200), st.floats(0.5, 3600))


def sent(rule: Pace, seconds: float, urgent: Callable[[], bool]) -> list[float]:
    """Send as fast as the bucket allows; returns the seconds at which messages went out."""
    gate, now, times = Gate(), START, []
    while (now - START).total_seconds() < seconds:
        gate, hurry = pace.refill(rule, gate, now), urgent()
        if pace.afford(rule, gate, urgent=hurry):
            gate = pace.spend(gate)
            times.append((now - START).total_seconds())
        else:
            now = max(pace.ready_at(rule, gate, urgent=hurry), now + timedelta(microseconds=1))
    return times


@given(paces, st.integers(0, 2**32))
def test_no_window_of_a_period_ever_holds_more_than_the_provider_allows(
    rule: Pace, seed: int
) -> None:
    chance = random.Random(seed)
    times = sent(rule, rule.period * 4, lambda: chance.random() < 0.5)
    for first, last in zip(times, times[rule.count :], strict=False):
        assert last - first >= rule.period - 1e-3


@pytest.mark.parametrize(("rule", "each"), [(DINGTALK, 60 / 14), (SLACK, 1.0)])
def test_what_is_urgent_never_waits_longer_than_for_one_token(rule: Pace, each: float) -> None:
    times = sent(rule, 300, lambda: True)
    assert max(b - a for a, b in pairwise(times)) == pytest.approx(each, abs=1e-3)


def test_what_is_not_urgent_leaves_tokens_for_what_is() -> None:
    gate = pace.refill(DINGTALK, Gate(), START)
    while pace.afford(DINGTALK, gate, urgent=False):
        gate = pace.spend(gate)
    assert pace.afford(DINGTALK, gate, urgent=True) == 2


def test_of_ten_in_an_hour_the_first_go_at_once_and_some_are_left_for_what_is_urgent() -> None:
    rule = Pace(10, 3600)
    gate = pace.refill(rule, Gate(), START)
    assert pace.afford(rule, gate, urgent=True) == 5
    assert pace.afford(rule, gate, urgent=False) == 3
    assert sent(rule, 3600, lambda: True)[5:] == pytest.approx([900, 1800, 2700], abs=1e-3)


def test_at_one_a_second_a_message_goes_out_each_second() -> None:
    assert sent(SLACK, 5, lambda: False) == pytest.approx([0, 1, 2, 3, 4], abs=1e-3)


def test_the_next_second_begins_when_the_last_message_was_answered() -> None:
    gate = pace.spend(pace.refill(SLACK, Gate(), START))
    slow = START + timedelta(seconds=0.8)
    gate = pace.refill(SLACK, pace.answered(gate, slow), slow)
    assert pace.ready_at(SLACK, gate, urgent=True) == slow + timedelta(seconds=1)


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_clock_that_jumps_stops_nothing_and_fills_no_more_than_the_bucket(
    jump: timedelta,
) -> None:
    empty = Gate(tokens=0, counted_at=START)
    later = pace.refill(DINGTALK, empty, START + jump)
    assert later.tokens == (5 if jump > timedelta() else 0)
    wait: datetime = pace.ready_at(DINGTALK, later, urgent=False)
    assert wait - (START + jump) <= timedelta(seconds=13)
