import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver import metrics
from receiver.intake.ingest import WINDOW, Ears, Intake, decide
from receiver.intake.webhook import ParseError, parse
from receiver.messages.route import Route
from receiver.metrics import Metrics
from receiver.model import REMINDER
from receiver.store.records import Decision, Known, Line, Outcome
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from tests.receiver.claiming import claim_all
from tests.receiver.webhooks import START, alert, body

ROUTES = (
    Route.model_validate({"match": ['severity="critical"'], "channels": ["ops", "mail"]}),
    Route.model_validate({"match": ['severity="warning"'], "channels": ["chat"]}),
)
WATCHDOG = alert("dd", alertname="Watchdog", severity="none")
REPEAT = {"notification_reason": "repeat interval elapsed"}
SOON, LONG_AGO = START - timedelta(seconds=10), START - WINDOW


def decided(*alerts: dict[str, Any], known: Known | None = None, **changes: Any) -> Decision:
    return decide(parse(body(alerts, **changes)), START, ROUTES, known or Known())


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        (decided(alert()), Decision(("ops", "mail"))),
        (
            decided(alert(severity="warning"), alert("bb")),
            Decision(("chat", "ops", "mail")),
        ),
        (decided(alert(severity="low")), Decision((), "no_route")),
        (decided(WATCHDOG), Decision((), "watchdog", incident=False)),
        (decided(alert("aa"), WATCHDOG), Decision(("ops", "mail"), left_out=("dd",))),
        (
            decided(alert(), known=Known(resolved={"aa": START})),
            Decision(("ops", "mail"), "stale", ("aa",)),
        ),
        (
            decided(
                alert("aa"), alert("bb"), known=Known(resolved={"aa": START}, firing={"bb": START})
            ),
            Decision(("ops", "mail"), "stale", ("aa",)),
        ),
        (
            decided(alert("aa"), alert("bb"), known=Known(resolved={"aa": START})),
            Decision(("ops", "mail"), left_out=("aa",)),
        ),
        (decided(alert(), known=Known(owed_at=SOON)), Decision(("ops", "mail"), "duplicate")),
        (decided(alert(), known=Known(owed_at=LONG_AGO)), Decision(("ops", "mail"))),
        (decided(alert(), known=Known(owed_at=SOON), **REPEAT), Decision(("ops", "mail"))),
        (
            decided(alert(), known=Known(owed_at=START + timedelta(hours=1))),
            Decision(("ops", "mail")),
        ),
    ],
    ids=[
        "routed",
        "each alert is routed",
        "no route",
        "watchdog",
        "a watchdog among others is left out",
        "stale",
        "stale beside what is known",
        "stale beside news",
        "said again at once",
        "said again by an Alertmanager that gives no reason",
        "a reminder",
        "the clock was set back",
    ],
)
def test_who_is_owed_or_why_nobody_is(decision: Decision, expected: Decision) -> None:
    assert decision == expected


@pytest.fixture
def numbers() -> Metrics:
    return metrics.create("test", ["ops", "mail"])


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def intake(store: Store, numbers: Metrics, woken: list[str]) -> Intake:
    def wake(channels: Iterable[str]) -> None:
        woken.extend(channels)

    return Intake(store, ROUTES, numbers, wake)


def count(numbers: Metrics, name: str, **labels: str) -> float | None:
    return numbers.registry.get_sample_value(name, labels)


async def test_what_is_accepted_wakes_its_channels_and_is_counted(
    intake: Intake, store: Store, numbers: Metrics, woken: list[str]
) -> None:
    decision = await intake.accept(body([alert(), alert("bb", "resolved")]), START)
    assert decision.reason == ""
    assert woken == ["ops", "mail"]
    assert [(queue.channel, queue.owed) for queue in await store.queues()] == [
        ("mail", 1),
        ("ops", 1),
    ]
    assert count(numbers, "tocsin_alerts_received_total", status="firing") == 1
    assert count(numbers, "tocsin_alerts_received_total", status="resolved") == 1


async def test_who_told_in_another_s_place_that_it_fires_tells_that_it_is_over(
    store: Store, numbers: Metrics, woken: list[str]
) -> None:
    intake = Intake(store, ROUTES, numbers, woken.extend, Ears(stand_ins=("pager", "sms")))
    await intake.accept(body([alert("aa"), alert("bb")]), START)
    far = START + timedelta(days=1)
    (fired,) = await claim_all(store, "ops", far, far)
    line = Line("ops", fallback="pager")
    await store.settle(line, [(fired, Outcome("dead", "gone"))], START)
    decision = await intake.accept(body([alert("aa"), alert("bb", "resolved")]), START + WINDOW)
    assert decision.channels == ("ops", "mail")  # something fires yet
    over = body([alert("aa", "resolved"), alert("bb", "resolved")])
    decision = await intake.accept(over, START + 2 * WINDOW)
    assert decision.channels == ("ops", "mail", "pager")  # and not who never stood in
    assert woken[-3:] == ["ops", "mail", "pager"]


async def test_what_says_nothing_new_is_told_as_a_reminder_whatever_alertmanager_calls_it(
    intake: Intake, store: Store
) -> None:
    async def told() -> list[str]:
        far = START + timedelta(days=1)
        return [each.notification.reason for each in await claim_all(store, "ops", far, far)]

    await intake.accept(body([alert("aa"), alert("bb")]), START)
    assert await told() == [""]
    await intake.accept(body([alert("aa"), alert("bb")]), START + WINDOW)
    assert (await told())[-1] == REMINDER
    await intake.accept(body([alert("aa"), alert("bb", "resolved")]), START + 2 * WINDOW)
    assert (await told())[-1] == ""


async def test_two_alertmanagers_that_say_the_same_cause_one_message(
    intake: Intake, store: Store, numbers: Metrics, woken: list[str]
) -> None:
    await intake.accept(body([alert("aa"), alert("bb")]), START)
    again = body([alert("bb"), alert("aa")], externalURL="http://the-other:9093")
    assert (await intake.accept(again, START + timedelta(seconds=15))).reason == "duplicate"
    assert woken == ["ops", "mail"]
    assert {queue.owed for queue in await store.queues()} == {1}
    assert count(numbers, "tocsin_notifications_suppressed_total", reason="duplicate") == 1
    assert count(numbers, "tocsin_notifications_total", channel="ops", outcome="suppressed") == 1


async def test_repeats_of_an_old_alertmanager_go_out_once_in_a_window(intake: Intake) -> None:
    """Alertmanager before 0.32 gives no reason, so a repeat is told by its time alone."""
    outcomes = [
        (await intake.accept(body(), START + timedelta(seconds=seconds))).reason
        for seconds in (0, 50, 100, 150, 200, 250)
    ]
    assert outcomes == ["", "duplicate", "duplicate", "", "duplicate", "duplicate"]


async def test_a_late_firing_of_the_other_alertmanager_is_stale(
    intake: Intake, numbers: Metrics
) -> None:
    await intake.accept(body([alert()]), START)
    await intake.accept(body([alert("aa", "resolved")]), START + timedelta(minutes=5))
    late = await intake.accept(body([alert()]), START + timedelta(minutes=6))
    assert late.reason == "stale"
    assert count(numbers, "tocsin_notifications_suppressed_total", reason="stale") == 1


async def test_what_fires_is_told_though_its_last_time_was_said_to_be_in_the_future(
    intake: Intake, store: Store
) -> None:
    """Prometheus' clock ran ahead by an hour, and is mended."""
    ahead, now = 60, START
    await intake.accept(body([alert(minute=ahead)]), now)
    await intake.accept(body([alert("aa", "resolved", minute=ahead)]), now + timedelta(minutes=1))
    late = await intake.accept(body([alert(minute=ahead)]), now + timedelta(minutes=2))
    assert late.reason == "stale"  # that very one is over
    fires = await intake.accept(body([alert(minute=3)]), now + timedelta(minutes=3))
    assert (fires.reason, fires.told) == ("", ("ops", "mail"))
    again = now + timedelta(minutes=90)  # when that future is past
    assert (await intake.accept(body([alert(minute=3)]), again)).reason == ""
    over = body([alert("aa", "resolved", minute=3)])
    assert (await intake.accept(over, again + timedelta(minutes=1))).reason == ""
    assert await store.open_incidents() == 0


async def test_the_watchdog_leaves_its_time_and_no_incident(
    intake: Intake, store: Store, numbers: Metrics
) -> None:
    await intake.accept(body([WATCHDOG]), START)
    name = "tocsin_watchdog_last_received_timestamp_seconds"
    assert count(numbers, name) == START.timestamp()
    assert await store.open_incidents() == 0


async def test_what_cannot_be_read_leaves_nothing(intake: Intake, store: Store) -> None:
    with pytest.raises(ParseError):
        await intake.accept(b"{}", START)
    assert await store.queues() == []


async def test_what_cannot_be_kept_is_not_counted_and_wakes_nobody(
    intake: Intake, numbers: Metrics, woken: list[str], tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreUnavailableError):
            await intake.accept(body(), START)
    assert woken == []
    assert count(numbers, "tocsin_alerts_received_total", status="firing") == 0
