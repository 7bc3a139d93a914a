from datetime import timedelta

import pytest

from receiver.delivery import breaker
from receiver.model import SendError
from receiver.store.records import Gate
from tests.receiver.webhooks import START

SERVER = SendError("server", "HTTP 503")


def failed(times: int, luck: float = 0.0) -> Gate:
    gate = Gate()
    for _ in range(times):
        gate = breaker.after_failure(gate, SERVER, START, luck)
    return gate


def rest(gate: Gate) -> float:
    return (breaker.blocked_until(gate) - START).total_seconds()


def test_two_failures_open_nothing_and_the_third_does() -> None:
    assert breaker.blocked_until(failed(2)) < START
    assert rest(failed(3)) == 8
    assert breaker.is_dead(failed(3), START)


def test_the_rest_doubles_up_to_five_minutes_and_luck_takes_up_to_half_away() -> None:
    assert [rest(failed(n)) for n in (3, 4, 5, 8, 9, 500)] == [8, 16, 32, 256, 300, 300]
    assert rest(failed(3, luck=1.0)) == 4


def test_after_its_rest_a_destination_is_probed_and_no_longer_dead() -> None:
    gate = failed(3)
    later = START + timedelta(seconds=8)
    assert breaker.is_probing(gate)
    assert not breaker.is_dead(gate, later)
    assert breaker.blocked_until(gate) <= later


def test_a_success_closes_it() -> None:
    assert not breaker.is_probing(breaker.after_success(failed(7)))
    assert breaker.blocked_until(breaker.after_success(failed(7))) < START


def test_a_message_that_is_refused_shows_that_the_destination_works() -> None:
    refused = SendError("rejected", "HTTP 400", permanent=True)
    assert breaker.after_failure(failed(2), refused, START, 0).failures == 0


@pytest.mark.parametrize("reason", ["auth", "gone", "forbidden", "keyword"])
def test_what_a_person_must_mend_opens_it_at_once(reason: str) -> None:
    assert breaker.is_dead(breaker.after_failure(Gate(), SendError(reason, ""), START, 0), START)


@pytest.mark.parametrize(("wish", "kept"), [(17, 17), (-5, 0), (1e9, 3600)])
def test_a_wish_to_be_left_alone_is_kept_within_an_hour(wish: float, kept: float) -> None:
    error = SendError("throttled", "", retry_after=wish)
    gate = breaker.after_failure(Gate(), error, START, 0)
    assert rest(gate) == kept
    assert gate.failures == 0


def test_a_penalty_of_ten_minutes_makes_a_destination_dead_and_a_pause_of_seconds_does_not() -> (
    None
):
    for seconds, dead in ((600, True), (30, False)):
        error = SendError("throttled", "", retry_after=seconds)
        assert breaker.is_dead(breaker.after_failure(Gate(), error, START, 0), START) is dead


def test_a_success_does_not_end_a_pause_that_was_asked_for() -> None:
    gate = breaker.after_failure(Gate(), SendError("throttled", "", retry_after=30), START, 0)
    assert rest(breaker.after_success(gate)) == 30
