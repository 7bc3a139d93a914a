"""What is owed says what it waits for longest."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from receiver.delivery.outlook import Outlook, outlook
from receiver.model import Pace
from receiver.store.records import Gate, Notice
from tests.receiver.webhooks import START

RULE = Pace(20, 60)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def owed(**facts: Any) -> Notice:
    usual: dict[str, Any] = dict.fromkeys(("channel", "reason", "status", "severity", "title"), "")
    usual |= dict.fromkeys(("id", "incident", "attempts", "total"), 1)
    usual |= {"state": "owed", "accepted_at": START, "not_before": START, "settled_at": None}
    return Notice(**usual | {"within": None, "alerts": ()} | facts)


@pytest.mark.parametrize(
    ("facts", "gate", "waits_for", "seconds"),
    [
        ({}, Gate(), "", 1),
        ({"lease": at(40)}, Gate(failures=9, open_until=at(300)), "answer", 40),
        ({"lease": at(0)}, Gate(), "", 1),
        ({"not_before": at(60)}, Gate(failures=3, open_until=at(8)), "retry", 60),
        ({"not_before": at(6)}, Gate(failures=3, open_until=at(8)), "breaker", 8),
        ({"behind": at(9)}, Gate(failures=3, open_until=at(8)), "order", 9),
        ({}, Gate(paused_until=at(600)), "pause", 600),
        ({}, Gate(paused_until=at(9_999)), "", 1),
        ({}, Gate(tokens=0, counted_at=at(1)), "pace", 13.857143),
        ({"urgent": 1}, Gate(tokens=0, counted_at=at(1)), "pace", 5.285714),
        ({"urgent": 1}, Gate(tokens=1, counted_at=at(1)), "", 1),
    ],
)
def test_the_longest_wait_is_named(
    facts: dict[str, Any], gate: Gate, waits_for: str, seconds: float
) -> None:
    assert outlook(owed(**facts), gate, RULE, at(1)) == Outlook(at(seconds), waits_for)


def test_without_a_rule_nothing_waits_for_a_pace() -> None:
    assert outlook(owed(), Gate(tokens=0, counted_at=at(1)), None, at(1)) == Outlook(at(1))
