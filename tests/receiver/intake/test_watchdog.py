from datetime import datetime, timedelta

import orjson
import pytest

from receiver import metrics
from receiver.intake.ingest import Intake
from receiver.intake.watchdog import Watch, next_step
from receiver.messages.route import Route
from receiver.store.store import Store
from tests.receiver.webhooks import START, alert, body

MINUTE = timedelta(minutes=1)
PATIENCE = 5 * MINUTE
WATCHDOG = body([alert("dd", alertname="Watchdog")], groupKey="watchdog")


@pytest.mark.parametrize(
    ("missing", "said", "last", "step"),
    [
        (None, 0, 56, ""),
        (None, 0, 55, "missing"),
        (50, 50, 45, ""),
        (50, 50, 57, "back"),
        (-200, -181, -205, "reminder"),
    ],
)
def test_what_is_to_be_told_follows_from_when_the_watchdog_came(
    missing: float | None, said: float, last: float, step: str
) -> None:
    since = None if missing is None else START + missing * MINUTE
    now = START + 60 * MINUTE
    assert next_step(since, START + said * MINUTE, START + last * MINUTE, now, PATIENCE) == step


@pytest.fixture
def intake(store: Store) -> Intake:
    numbers = metrics.create("1", ["ops"])
    return Intake(store, (Route(channels=("ops",)),), numbers, lambda _: None)


def watch(store: Store, intake: Intake, began: datetime = START) -> Watch:
    return Watch(PATIENCE.total_seconds, lambda: intake, store, began)


async def owed(store: Store) -> int:
    return sum(queue.owed for queue in await store.queues())


async def test_a_watchdog_that_stays_away_is_told_once_and_so_is_its_return(
    store: Store, intake: Intake
) -> None:
    it = watch(store, intake)
    await it.once(START + 60 * MINUTE)
    assert await owed(store) == 0  # it never came
    await intake.accept(WATCHDOG, START + 61 * MINUTE)
    for minute in (62, 65):
        await it.once(START + minute * MINUTE)
    assert await owed(store) == 0
    for minute in (66, 67, 68):
        await it.once(START + minute * MINUTE)
    assert await owed(store) == 1
    assert await store.open_incidents() == 1
    said = orjson.loads((await store.told_of(1))[0])["alerts"][0]
    assert "12:61" not in said["annotations"]["description"]
    assert "2026-11-23 13:01:00+00:00" in said["annotations"]["description"]
    await intake.accept(WATCHDOG, START + 70 * MINUTE)
    for minute in (70, 71):
        await it.once(START + minute * MINUTE)
    assert await owed(store) == 2
    assert await store.open_incidents() == 0


async def test_a_restart_says_nothing_again_and_goes_on_where_the_run_before_was(
    store: Store, intake: Intake
) -> None:
    await intake.accept(WATCHDOG, START)
    await watch(store, intake).once(START + 6 * MINUTE)
    assert await owed(store) == 1
    again = watch(store, intake, began=START + 20 * MINUTE)
    await again.once(START + 26 * MINUTE)
    assert await owed(store) == 1
    await again.once(START + 27 * MINUTE + timedelta(hours=4))
    assert await owed(store) == 2  # a reminder
    await intake.accept(WATCHDOG, START + timedelta(hours=5))
    await again.once(START + timedelta(hours=5))
    assert await store.open_incidents() == 0


async def test_a_receiver_that_was_down_itself_gives_the_watchdog_its_time(
    store: Store, intake: Intake
) -> None:
    await intake.accept(WATCHDOG, START)
    it = watch(store, intake, began=START + 60 * MINUTE)
    await it.once(START + 61 * MINUTE)
    assert await owed(store) == 0


async def test_a_watchdog_among_other_alerts_has_come_too(store: Store, intake: Intake) -> None:
    it = watch(store, intake)
    both = [alert("dd", alertname="Watchdog"), alert("aa")]
    for minute in (0, 4, 8):
        await intake.accept(body(both, groupKey="{}:{}"), START + minute * MINUTE)
    await it.once(START + 12 * MINUTE)
    assert it.missing is None
    await it.once(START + 13 * MINUTE)
    assert it.missing is not None


async def test_a_watchdog_that_is_resolved_has_not_come_back(store: Store, intake: Intake) -> None:
    it = watch(store, intake)
    await intake.accept(WATCHDOG, START)
    await it.once(START + 6 * MINUTE)
    over = body([alert("dd", "resolved", alertname="Watchdog")], groupKey="watchdog")
    await intake.accept(over, START + 7 * MINUTE)
    await it.once(START + 7 * MINUTE)
    assert it.missing == START + 6 * MINUTE
    assert await owed(store) == 1
    assert await store.open_incidents() == 1


async def test_nothing_is_said_where_it_is_switched_off(store: Store, intake: Intake) -> None:
    await intake.accept(WATCHDOG, START)
    await Watch(lambda: 0.0, lambda: intake, store, START).once(START + timedelta(days=1))
    assert await owed(store) == 0
