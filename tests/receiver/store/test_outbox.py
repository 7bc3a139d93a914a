import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, select

from receiver.intake.webhook import parse
from receiver.model import Delivery, Status
from receiver.store.records import Decision, Outcome
from receiver.store.schema import attempts, deliveries, webhooks
from receiver.store.store import Store
from tests.fakes.alerts import make_message
from tests.receiver.claiming import claim as claim_one
from tests.receiver.claiming import claim_all, settle
from tests.receiver.webhooks import START, alert, webhook

LATER = START + timedelta(minutes=1)


async def owe(store: Store, *names: str, seconds: float = 0, **changes: Any) -> None:
    await store.accept(webhook(seconds=seconds, **changes), lambda _: Decision(names or ("ops",)))


async def claim(store: Store, seconds: float = 0, name: str = "ops") -> Delivery | None:
    now = START + timedelta(seconds=seconds)
    return await claim_one(store, name, now, now + timedelta(seconds=40))


async def claimed(store: Store, seconds: float = 0, name: str = "ops") -> Delivery:
    delivery = await claim(store, seconds, name)
    assert delivery is not None
    return delivery


async def rows(store: Store, table: Any) -> list[Any]:
    def read(connection: Connection) -> list[Any]:
        return list(connection.execute(select(table).order_by(table.c.id)))

    return await store._reader.run(read)


async def test_a_delivery_carries_what_the_webhook_said(store: Store) -> None:
    await owe(store)
    delivery = await claimed(store)
    assert delivery.notification == webhook().notification
    assert (delivery.channel, delivery.attempts, delivery.accepted_at) == ("ops", 1, START)


async def test_a_claimed_delivery_is_nobody_else_s_until_its_lease_ends(store: Store) -> None:
    await owe(store)
    await claimed(store)
    assert await claim(store, 39) is None
    assert (await claimed(store, 41)).attempts == 2


async def test_claims_made_at_once_get_different_deliveries(store: Store) -> None:
    for number in range(8):
        await owe(store, groupKey=f"group {number}")
    taken = await asyncio.gather(*(claimed(store) for _ in range(8)))
    assert sorted(delivery.id for delivery in taken) == list(range(1, 9))
    assert await claim(store) is None


async def test_each_channel_has_a_queue_of_its_own(store: Store) -> None:
    await owe(store, "ops", "mail")
    assert (await claimed(store, name="mail")).channel == "mail"
    assert await claim(store, name="chat") is None
    assert [(q.channel, q.owed) for q in await store.queues()] == [("mail", 1), ("ops", 1)]


async def test_the_messages_of_an_incident_are_taken_together_and_in_order(store: Store) -> None:
    await owe(store)
    await owe(store, alerts=[alert("aa", "resolved")])
    await owe(store, groupKey="another incident")
    taken = await claim_all(store, "ops", START, LATER)
    assert [(each.id, each.notification.status) for each in taken] == [
        (1, Status.FIRING),
        (2, Status.RESOLVED),
    ]
    assert (await claimed(store)).id == 3


async def test_a_message_waits_behind_an_earlier_one_of_its_incident(store: Store) -> None:
    await owe(store)
    first = await claimed(store)
    await owe(store, alerts=[alert("aa", "resolved")])
    assert await claim(store) is None  # somebody is sending the first
    await settle(store, first, Outcome("later", "timeout", not_before=LATER), START)
    assert await claim(store, 30) is None
    assert await store.next_due("ops") == LATER
    taken = await claim_all(store, "ops", LATER, LATER + timedelta(seconds=40))
    assert [each.id for each in taken] == [1, 2]


async def test_what_was_sent_is_kept_as_it_was_sent(store: Store) -> None:
    await owe(store)
    delivery = await claimed(store)
    await settle(store, delivery, Outcome("sent", message=make_message("the words")), LATER)
    (row,) = await rows(store, deliveries)
    assert (row.state, row.body, row.severity, row.settled_at) == (
        "sent",
        "the words",
        "critical",
        LATER,
    )
    assert await claim(store, 1000) is None


async def test_every_attempt_is_written_down_before_it_is_made_and_closed_after(
    store: Store,
) -> None:
    await owe(store)
    delivery = await claimed(store)
    assert [(row.outcome, row.ended_at) for row in await rows(store, attempts)] == [("", None)]
    await settle(store, delivery, Outcome("later", "server", "HTTP 500", LATER), START)
    delivery = await claimed(store, 60)
    await settle(store, delivery, Outcome("dead", "rejected", "HTTP 400"), LATER)
    said = [
        (row.number, row.outcome, row.reason, row.detail) for row in await rows(store, attempts)
    ]
    assert said == [(1, "later", "server", "HTTP 500"), (2, "dead", "rejected", "HTTP 400")]
    (row,) = await rows(store, deliveries)
    assert (row.state, row.reason) == ("dead", "rejected")


@pytest.mark.parametrize("channels", [(), ("ops", "mail")])
async def test_a_suppressed_webhook_is_kept_with_its_reason_and_owes_nobody(
    store: Store, channels: tuple[str, ...]
) -> None:
    await store.accept(webhook(), lambda _: Decision(channels, "duplicate"))
    kept = [(row.channel, row.state, row.reason) for row in await rows(store, deliveries)]
    assert kept == [(name, "suppressed", "duplicate") for name in channels or ("",)]
    assert await claim(store) is None


async def test_of_the_watchdogs_of_a_group_only_the_newest_is_kept(store: Store) -> None:
    await owe(store, groupKey="dog")
    for seconds in range(5):
        for group in ("dog", "other dog"):
            told = webhook([alert(minute=seconds)], seconds=seconds, groupKey=group)
            await store.accept(told, lambda _: Decision((), "watchdog", incident=False))
    newest = [(START, "owed"), *[(START + timedelta(seconds=4), "suppressed")] * 2]
    assert [(row.accepted_at, row.state) for row in await rows(store, deliveries)] == newest
    kept = [row.received_at for row in await rows(store, webhooks)]
    assert kept == [at for at, _ in newest]
    assert (await claimed(store)).notification.group_key == "dog"


async def test_alerts_that_are_left_out_are_not_in_the_message(store: Store) -> None:
    told = webhook([alert("aa"), alert("bb", "resolved")])
    await store.accept(told, lambda _: Decision(("ops",), left_out=("aa",)))
    delivery = await claimed(store)
    assert [said.fingerprint for said in delivery.notification.alerts] == ["bb"]
    assert delivery.notification.status is Status.RESOLVED


async def test_a_file_that_is_opened_again_gives_up_the_claims_of_the_dead(
    store: Store, database: Path | URL
) -> None:
    """A database cannot tell the dead from the others that use it: their claims run out."""
    await owe(store)
    await claimed(store)
    again = await Store.open(database, parse)
    assert (await claim(again, 1) is None) is isinstance(database, URL)
    await again.close()


@pytest.mark.parametrize(("reason", "due"), [("auth", True), ("throttled", False)])
async def test_a_store_that_is_opened_again_tries_at_once_what_was_not_throttled(
    *, reason: str, due: bool, store: Store, database: Path | URL
) -> None:
    await owe(store)
    failed = Outcome("later", reason, "no", START + timedelta(hours=1))
    await settle(store, await claimed(store), failed, START)
    assert await claim(store, 2) is None
    again = await Store.open(database, parse)
    assert (await claim(again, 2) is not None) is due
    await again.close()


async def test_what_is_owed_to_a_channel_that_is_gone_is_given_up_with_a_reason(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.store.outbox._MOST", 2)
    for number in range(3):
        await owe(store, "ops", "gone", seconds=number)
    lost = [await store.bury(["ops", "mail"], LATER + timedelta(days=2)) for _ in range(3)]
    assert lost == [{"gone": 2}, {"gone": 1}, {}]
    states = [(row.channel, row.state, row.reason) for row in await rows(store, deliveries)]
    assert states == [("ops", "owed", ""), ("gone", "dead", "channel_removed")] * 3
    assert [entry.change.subject for entry in await store.changes()] == ["channel gone"] * 2


async def test_what_another_receiver_of_the_database_may_still_send_is_left_to_it(
    store: Store, database: Path | URL
) -> None:
    await owe(store, "theirs")
    lost = await store.bury(["ops"], LATER + timedelta(hours=24))
    assert sum(lost.values()) == (0 if isinstance(database, URL) else 1)


async def test_what_is_being_sent_is_not_given_up_meanwhile(store: Store) -> None:
    await owe(store, "ops")
    await claimed(store)
    assert not await store.bury([], START)


async def test_nothing_is_due_where_nothing_is_owed(store: Store) -> None:
    assert await store.next_due("ops") is None
