from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from receiver import metrics
from receiver.delivery.pace import longest_wait
from receiver.intake.auditor import Auditor, Post, audit
from receiver.model import Pace
from receiver.store.facts import Facts
from receiver.store.records import Decision
from receiver.store.standings import Heard
from receiver.store.store import Store
from tests.receiver.webhooks import START, alert, webhook

MINUTE = timedelta(minutes=1)
NOW = START + 60 * MINUTE
CHANNELS = {"ops": Post("robot", timedelta(0))}
NOTHING = Facts({}, {}, {}, {}, ())


def kinds(
    facts: Facts, channels: Mapping[str, Post] = CHANNELS, compared: tuple[int, ...] = ()
) -> list[str]:
    return [finding.kind for finding in audit(facts, NOW, channels, compared)]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ["delivery"]),
        ({"due": {"ops": NOW + MINUTE}}, []),
        ({"due": {"ops": NOW - MINUTE}}, []),
        ({"tried": {"ops": NOW - MINUTE}}, []),
        ({"rests": {"robot": NOW + 9 * MINUTE}}, []),
        ({"rests": {"another": NOW + 9 * MINUTE}}, ["delivery"]),
        ({"due": {"gone": NOW - MINUTE}}, ["channel"]),
    ],
)
def test_what_is_owed_has_a_next_step_if_its_channel_works_or_rests(
    changes: dict[str, Any], found: list[str]
) -> None:
    assert kinds(replace(Facts({"ops": START}, {}, {}, {}, ()), **changes)) == found


def test_what_its_pace_makes_wait_is_not_left_alone() -> None:
    facts = Facts({"ops": NOW - 40 * MINUTE}, {}, {}, {}, ())
    assert kinds(facts, {"ops": Post("phones", longest_wait(Pace(10, 3600)))}) == []
    assert kinds(facts, {"ops": Post("robot", longest_wait(Pace(20, 60)))}) == ["delivery"]
    assert longest_wait(None) == timedelta(0)


def test_an_incident_has_one_if_it_will_be_compared_or_if_a_reminder_is_due() -> None:
    long_ago = Heard("group", "tocsin", "{}", NOW - timedelta(days=8))
    assert kinds(replace(NOTHING, incidents={7: long_ago})) == ["incident"]
    assert kinds(replace(NOTHING, incidents={7: long_ago}), compared=(7,)) == []
    assert kinds(replace(NOTHING, incidents={7: replace(long_ago, at=NOW)})) == []
    assert kinds(replace(NOTHING, hollow=[3])) == ["incident"]


async def test_the_heartbeat_beats_only_while_nothing_is_found(store: Store) -> None:
    numbers = metrics.create("1", CHANNELS)
    auditor = Auditor(lambda: CHANNELS, lambda _: (), store, numbers)
    value = numbers.registry.get_sample_value
    beat = "tocsin_auditor_last_success_timestamp_seconds"
    await store.accept(webhook([alert()]), lambda _: Decision(("ops",)))
    assert await auditor.once(START + MINUTE) == []
    assert value(beat) == (START + MINUTE).timestamp()
    (found,) = await auditor.once(START + 10 * MINUTE)
    assert "ops leaves alone what is due since 2026-11-23 12:00:00 UTC" in found.said
    assert value(beat) == (START + MINUTE).timestamp()
    assert value("tocsin_auditor_findings", {"kind": "delivery"}) == 1
