"""What is old is forgotten with all that hangs on it; what is owed or still fires is kept."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Connection, func, select

from receiver import metrics
from receiver.settings import format_size, parse_size
from receiver.store import schema
from receiver.store.audit import Change
from receiver.store.records import Decision, Known, Webhook
from receiver.store.store import Store
from receiver.upkeep import Retention, Upkeep
from tests.receiver.webhooks import START, alert, webhook

DAY = 86400
HOUR = timedelta(hours=1)


def silent(_: Known) -> Decision:
    return Decision(("ops",), "duplicate")


def owed(_: Known) -> Decision:
    return Decision(("ops", "mail"))


async def counted(store: Store) -> dict[str, int]:
    def count(connection: Connection) -> dict[str, int]:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in schema.metadata.tables.items()
        }

    found = await store._reader.run(count)
    return {name: number for name, number in found.items() if number}


def upkeep(store: Store, age: float = 900 * DAY, size: int = 2**40) -> Upkeep:
    bounds = Retention.model_construct(age=age, size=size)
    return Upkeep(store, bounds, metrics.create("0", ["ops"]))


async def told(
    store: Store,
    decide: Callable[[Known], Decision],
    *alerts: dict[str, Any],
    group: str,
    day: int = 0,
) -> None:
    await store.accept(webhook(alerts, seconds=day * DAY, groupKey=group), decide)


async def test_what_was_settled_and_is_over_is_forgotten_whole(store: Store) -> None:
    for day in range(4):
        minute = day * 1440
        await told(store, silent, alert("aa", minute=minute), group=f"{day}", day=day)
        over = alert("aa", "resolved", minute=minute)
        await told(store, silent, over, group=f"{day}", day=day)
    kept = upkeep(store, age=2 * DAY)
    await kept.once(START + timedelta(days=3, hours=1))
    assert await counted(store) == {"incidents": 2, "episodes": 2, "webhooks": 4, "deliveries": 4}
    forgotten = kept.metrics.store_forgotten.labels("age")._value.get()
    assert forgotten == 4 + 2 + 2
    await kept.once(START + timedelta(days=30))
    assert await counted(store) == {}


async def test_what_is_owed_or_still_fires_is_kept_however_old_it_is(store: Store) -> None:
    await told(store, owed, alert("aa"), group="owed")
    await told(store, silent, alert("aa"), alert("bb"), group="fires")
    await told(store, silent, alert("aa"), alert("bb", "resolved"), group="fires")
    await upkeep(store, age=DAY).once(START + timedelta(days=400))
    left = await counted(store)
    assert left == {"incidents": 2, "episodes": 2, "webhooks": 1, "deliveries": 2}
    seen: list[Known] = []

    def decide(known: Known) -> Decision:
        seen.append(known)
        return silent(known)

    await told(store, decide, alert("aa"), group="fires", day=500)
    assert seen[0].firing == {"aa": START}


async def test_changes_are_forgotten_by_age_but_not_for_want_of_room(store: Store) -> None:
    for day in range(3):
        await store.note(Change("ops", "reload", str(day)), START + timedelta(days=day))
    await told(store, silent, alert("aa", "resolved"), group="over", day=1)
    await upkeep(store, size=1).once(START + timedelta(days=3))
    assert [entry.change.subject for entry in await store.changes()] == ["2", "1", "0"]
    await upkeep(store, age=1.5 * DAY).once(START + timedelta(days=3))
    assert [entry.change.subject for entry in await store.changes()] == ["2"]


async def test_the_oldest_goes_first_where_the_store_is_too_large(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.upkeep._STEP", 5)
    noise = random.Random(7)
    said = webhook([alert("aa", "resolved")])
    for number in range(40):
        large = Webhook(noise.randbytes(300_000), said.notification, START + number * HOUR)
        await store.accept(large, owed if number == 0 else silent)
    assert 40 * 300_000 < await store.used() < 60 * 300_000
    await upkeep(store, size=6_000_000).once(START + 50 * HOUR)
    assert 3_000_000 < await store.used() <= 6_000_000

    def left(connection: Connection) -> list[datetime]:
        return sorted(connection.scalars(select(schema.webhooks.c.received_at)))

    first, *rest = await store._reader.run(left)
    assert first == START  # it is owed
    assert rest == [START + number * HOUR for number in range(40 - len(rest), 40)]
    assert 5 <= len(rest) <= 20


async def test_a_store_that_is_all_needed_is_left_alone_and_said_so(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await told(store, owed, alert("aa"), group="owed")
    await upkeep(store, size=1).once(START)
    assert "all of it is needed" in caplog.text
    assert [queue.owed for queue in await store.queues()] == [1, 1]


@pytest.mark.parametrize(("text", "size"), [("512MiB", 2**29), ("1.5GiB", 1536 * 2**20)])
def test_a_size_is_read_and_spelled(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("retention", "problem"),
    [
        ({"age": "5m"}, "shorter than 1h; what was sent could not be looked up"),
        ({"size": "1MiB"}, "smaller than 64MiB; write more"),
        ({"size": "4GB"}, "not a size: '4GB'; write it like 512MiB or 4GiB"),
    ],
)
def test_bounds_that_cannot_be_meant_are_refused(retention: Any, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Retention(**retention)
