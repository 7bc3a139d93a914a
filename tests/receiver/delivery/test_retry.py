from datetime import timedelta

import pytest

from receiver.delivery.retry import after, pause
from receiver.model import Delivery, SendError
from receiver.store.records import Outcome
from tests.fakes.alerts import make_alert, make_notification
from tests.receiver.webhooks import START

NOTIFICATION = make_notification([make_alert()])


def tried(attempts: int) -> Delivery:
    return Delivery(1, "ops", 1, NOTIFICATION, attempts, START)


@pytest.mark.parametrize(
    ("attempts", "luck", "seconds"),
    [(1, 0, 2), (1, 1, 1), (2, 0, 4), (5, 0, 32), (8, 0, 256), (9, 0, 300), (5000, 0.5, 225)],
)
def test_the_wait_doubles_to_five_minutes_and_luck_takes_up_to_half(
    attempts: int, luck: float, seconds: float
) -> None:
    outcome = after(SendError("server", "HTTP 500"), tried(attempts), START, luck)
    assert outcome == Outcome("later", "server", "HTTP 500", START + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("wish", "seconds"), [(600, 600), (0.1, 2), (None, 2), (-5, 2), (1e12, 3600)]
)
def test_a_retry_after_is_kept_within_an_hour(wish: float | None, seconds: float) -> None:
    outcome = after(SendError("throttled", "", retry_after=wish), tried(1), START, 0)
    assert outcome.not_before == START + timedelta(seconds=seconds)


def test_a_permanent_error_is_the_end() -> None:
    error = SendError("rejected", "HTTP 400", permanent=True)
    assert after(error, tried(1), START, 0) == Outcome("dead", "rejected", "HTTP 400")


@pytest.mark.parametrize(("hours", "state"), [(23.9, "later"), (24, "dead")])
def test_a_message_is_given_up_after_a_day(hours: float, state: str) -> None:
    now = START + timedelta(hours=hours)
    outcome = after(SendError("timeout", "no answer"), tried(99), now, 0)
    assert outcome.state == state
    if state == "dead":
        assert (outcome.reason, outcome.detail) == ("too_old", "timeout: no answer")


def test_only_the_other_side_s_own_wish_pauses_a_channel() -> None:
    assert pause(SendError("server", "")) == 0
    assert pause(SendError("throttled", "", retry_after=17)) == 17
