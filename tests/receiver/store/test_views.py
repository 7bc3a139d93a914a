from dataclasses import replace
from datetime import timedelta

from receiver.store.records import Decision, Outcome
from receiver.store.store import Store
from tests.fakes.alerts import make_message
from tests.receiver.claiming import claim, settle
from tests.receiver.webhooks import START, webhook


async def send(store: Store, number: int, channel: str = "inbox") -> None:
    told = webhook(seconds=number, groupKey=f"group {number}")
    await store.accept(told, lambda _: Decision((channel,)))
    now = START + timedelta(hours=1)
    delivery = await claim(store, channel, now, now)
    assert delivery is not None
    message = make_message(f"message {number}")
    await settle(store, delivery, Outcome("sent", message=message), now)


async def bodies(store: Store, before: int | None = None, after: int | None = None) -> list[str]:
    found = await store.posted(["inbox"], before=before, after=after, limit=3)
    return [message.body for message in found]


async def test_the_newest_messages_of_the_inboxes_come_first_page_by_page(store: Store) -> None:
    for number in range(1, 6):
        await send(store, number)
    await send(store, 6, "chat")
    assert await bodies(store) == ["message 5", "message 4", "message 3"]
    assert await bodies(store, before=3) == ["message 2", "message 1"]
    assert await bodies(store, after=4) == ["message 5"]


async def test_what_is_not_sent_is_not_shown(store: Store) -> None:
    await store.accept(webhook(), lambda _: Decision(("inbox",)))
    assert await bodies(store) == []


async def test_a_queue_says_how_long_its_oldest_waits(store: Store) -> None:
    for seconds in (5, 3, 9):
        told = webhook(seconds=seconds, groupKey=str(seconds))
        await store.accept(told, lambda _: Decision(("ops",)))
    (queue,) = await store.queues()
    assert (queue.channel, queue.owed, queue.oldest) == ("ops", 3, START + timedelta(seconds=3))


async def test_the_last_watchdog_is_remembered(store: Store) -> None:
    assert await store.last_beat() is None
    for seconds, beats in ((0, True), (60, True), (90, False)):
        told = replace(webhook(seconds=seconds), beats=beats)
        await store.accept(told, lambda _: Decision((), "watchdog", incident=False))
    assert await store.last_beat() == START + timedelta(seconds=60)
    assert await store.open_incidents() == 0
