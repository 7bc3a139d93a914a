from datetime import timedelta

import pytest

from receiver.delivery.turn import Habits, choose, halve, restore
from receiver.model import Pace
from receiver.store.records import Choice, Gate, Waiting
from tests.receiver.webhooks import START

DINGTALK = Habits(Pace(20, 60), 500)
FREE = Habits(None, 500)
INBOX = Habits(None, 20, gathers=False)


def chosen(
    urgent: int, ordinary: int, habits: Habits = DINGTALK, gate: Gate | None = None, **more: bool
) -> Choice:
    waiting = Waiting(gate or Gate(), urgent, ordinary)
    return choose(habits, waiting, START, starving=more.get("starving", False))


def left(tokens: float) -> Gate:
    return Gate(tokens=tokens, counted_at=START)


@pytest.mark.parametrize(
    ("urgent", "ordinary", "take"),
    [(0, 0, 0), (0, 3, 1), (0, 4, 500), (5, 0, 1), (6, 0, 500), (1, 400, 1)],
)
def test_messages_go_singly_while_tokens_last_and_together_beyond(
    urgent: int, ordinary: int, take: int
) -> None:
    assert chosen(urgent, ordinary).take == take


@pytest.mark.parametrize(("waiting", "take"), [(20, 1), (21, 500)])
def test_without_a_limit_or_with_a_wide_one_only_a_storm_is_gathered(
    waiting: int, take: int
) -> None:
    assert chosen(0, waiting, FREE).take == take
    assert chosen(0, waiting, Habits(Pace(1000, 1), 500)).take == take
    assert chosen(0, waiting, INBOX).take == 20


def test_each_message_costs_a_token() -> None:
    assert chosen(1, 0, gate=left(2)).gate.tokens == 1
    assert chosen(1, 0, FREE).gate == Gate()


def test_what_is_not_urgent_waits_where_only_the_reserve_is_left_and_is_told_until_when() -> None:
    choice = chosen(0, 9, gate=left(2))
    assert choice.take == 0
    assert choice.again == pytest.approx(START + timedelta(seconds=60 / 14), abs=timedelta(0.001))
    assert chosen(9, 0, gate=left(2)).take == 500


def test_what_has_waited_long_is_told_along_with_what_is_urgent() -> None:
    assert not chosen(1, 9).mixed
    choice = chosen(1, 9, starving=True)
    assert (choice.take, choice.mixed) == (500, True)
    assert chosen(1, 0, starving=True).take == 1


def test_nothing_is_taken_before_a_pause_or_a_rest_is_over() -> None:
    later = START + timedelta(minutes=9)
    for gate in (Gate(paused_until=later), Gate(failures=3, open_until=later)):
        assert chosen(5, 5, gate=gate) == Choice(0, gate, again=later)


def test_a_pause_beyond_an_hour_is_one_of_a_clock_that_was_set_back() -> None:
    assert chosen(1, 0, gate=Gate(paused_until=START + timedelta(hours=2))).take == 1


def test_a_destination_that_failed_is_probed_with_one_message() -> None:
    assert chosen(0, 400, gate=Gate(failures=3)).take == 1


def test_a_refused_digest_is_halved_until_each_stands_alone_and_grows_again() -> None:
    habits, sizes = DINGTALK, []
    for _ in range(10):
        habits = halve(habits)
        sizes.append(habits.most)
    assert sizes == [250, 125, 62, 31, 15, 7, 3, 1, 1, 1]
    assert restore(habits, 500).most == 2
    assert restore(DINGTALK, 500).most == 500
