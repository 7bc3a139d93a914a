"""What a channel does when more comes than it may send, or when it does not work at all."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession

from receiver.channels.inbox import Inbox
from receiver.metrics import Metrics
from receiver.model import Message, Pace, SendError
from receiver.store.clock import Clock
from receiver.store.records import Posted
from receiver.store.schema import attempts, deliveries
from receiver.store.store import Store
from tests.receiver.delivery.kit import Scripted, count, owe, rows, settled
from tests.receiver.webhooks import alert


class Picky(Scripted):
    """Refuses whatever tells of one host."""

    async def send(self, message: Message, http: ClientSession) -> None:
        if "poison" in message.body:
            raise SendError("rejected", "HTTP 400", permanent=True)
        await super().send(message, http)


class Broken(Scripted):
    """Never takes a message."""

    async def send(self, message: Message, http: ClientSession) -> None:  # noqa: ARG002 -- the contract's
        raise SendError("server", "HTTP 503")


async def storm(store: Store, size: int, *channels: str, severity: str = "warning") -> None:
    for number in range(size):
        said = alert(f"web-{number}", severity=severity)
        await owe(store, *(channels or ("ops",)), alerts=[said], groupKey=f"{severity}-{number}")


async def all_settled(store: Store) -> list[Any]:
    while True:
        found = await rows(store, deliveries)
        if all(row.state != "owed" for row in found):
            return found
        await asyncio.sleep(0.02)


async def test_a_backlog_is_told_in_one_message_that_names_all_of_it(
    store: Store, work: Callable[..., Any], numbers: Metrics
) -> None:
    await storm(store, 40)
    channel = Scripted(pace="20/1m")
    async with work(ops=channel):
        found = await all_settled(store)
    (message,) = [channel._sent.get_nowait() for _ in range(channel._sent.qsize())]
    assert "40 messages in one" in message.title
    assert all(f"web-{number}" in message.body for number in range(40))
    carrier = found[-1]
    assert (carrier.title, carrier.within) == (message.title, None)
    told = {(row.state, row.reason, row.within) for row in found[:-1]}
    assert told == {("sent", "digest", carrier.id)}
    assert count(numbers, "tocsin_notifications_total", channel="ops", outcome="sent") == 40
    assert len(await rows(store, attempts)) == 40


async def test_what_is_critical_goes_first_and_alone_even_in_a_storm(
    store: Store, work: Callable[..., Any]
) -> None:
    await storm(store, 40)
    await storm(store, 1, severity="critical")
    channel = Scripted(pace="20/1m")
    async with work(ops=channel):
        first, second = [await channel._sent.get() for _ in range(2)]
    assert first.title == "[🔴 Critical] Down on web-0"
    assert "40 messages in one" in second.title


async def test_a_pace_holds_over_a_restart(store: Store, work: Callable[..., Any]) -> None:
    sent = 0
    for _ in range(5):
        await storm(store, 2)
        channel = Scripted(pace="20/1m")
        async with work(ops=channel):
            await asyncio.sleep(0.2)
        sent += channel._sent.qsize()
    assert sent == 3  # of five tokens two are kept for what is critical


async def test_channels_of_one_destination_share_its_pace(
    store: Store, work: Callable[..., Any]
) -> None:
    class Shared(Scripted):
        @property
        def destination(self) -> str:
            return "robot"

    await storm(store, 3, "ops", "slow")
    one, other = Shared(pace="20/1m"), Shared(pace="20/1m")
    async with work(ops=one, slow=other):
        await asyncio.sleep(0.5)
    assert one._sent.qsize() + other._sent.qsize() == 3


async def test_a_message_that_is_refused_dies_alone_and_not_the_digest_it_was_in(
    store: Store, work: Callable[..., Any], numbers: Metrics
) -> None:
    await storm(store, 30)
    await owe(store, "ops", alerts=[alert("poison", severity="warning")], groupKey="poison")
    channel = Picky()
    async with work(ops=channel):
        found = await all_settled(store)
    dead = [row for row in found if row.state == "dead"]
    assert [(row.reason, row.id) for row in dead] == [("rejected", 31)]
    assert all(row.state == "sent" for row in found if row not in dead)
    assert count(numbers, "tocsin_notifications_total", channel="ops", outcome="dead") == 1


async def test_a_broken_channel_is_left_alone_after_three_failures(
    store: Store, work: Callable[..., Any], numbers: Metrics
) -> None:
    await storm(store, 15)
    async with work(ops=Broken()):
        await asyncio.sleep(1)
        assert count(numbers, "tocsin_channel_breaker_open", channel="ops") == 1
    assert len(await rows(store, attempts)) == 3
    channel = Scripted()
    async with work(ops=channel):
        for _ in range(15):
            await channel._sent.get()
        await all_settled(store)
        await asyncio.sleep(0.1)
    assert count(numbers, "tocsin_channel_breaker_open", channel="ops") == 0


async def test_another_channel_takes_over_from_a_broken_one_and_is_told_nothing_twice(
    store: Store, work: Callable[..., Any], numbers: Metrics
) -> None:
    await storm(store, 5)
    await storm(store, 1, "ops", "slow", severity="critical")
    other = Scripted()
    async with work(ops=Broken(fallback="slow"), slow=other):
        found = await all_settled(store)
    assert {(row.channel, row.state, row.reason) for row in found} == {
        ("ops", "suppressed", "fell_back"),
        ("slow", "sent", ""),
    }
    fell = [row.within for row in found if row.channel == "ops"]
    assert sorted(fell) == sorted(row.id for row in found if row.channel == "slow")
    assert other._sent.qsize() == 6
    assert count(numbers, "tocsin_notifications_suppressed_total", reason="fell_back") == 6


async def test_a_message_that_one_channel_refuses_goes_by_the_other(
    store: Store, work: Callable[..., Any]
) -> None:
    await owe(store, "ops", alerts=[alert("poison")])
    other = Scripted()
    async with work(ops=Picky(fallback="slow"), slow=other):
        await settled(store, deliveries, "sent")
    first, second = await rows(store, deliveries)
    assert (first.state, first.reason, first.within) == ("suppressed", "fell_back", second.id)
    (attempt, _) = await rows(store, attempts)
    assert (attempt.outcome, attempt.detail) == ("suppressed", "rejected: HTTP 400")


async def test_a_penalty_of_ten_minutes_sends_messages_another_way(
    store: Store, work: Callable[..., Any]
) -> None:
    shut = Scripted(fallback="slow")
    shut._script.append(SendError("throttled", "410100", retry_after=600))
    other = Scripted()
    await storm(store, 3)
    async with work(ops=shut, slow=other):
        await all_settled(store)
    assert (shut._sent.qsize(), other._sent.qsize()) == (0, 3)


async def test_an_alert_that_is_over_before_it_was_told_is_told_once(
    store: Store, work: Callable[..., Any], numbers: Metrics
) -> None:
    await owe(store, "ops", alerts=[alert("aa")])
    await owe(store, "ops", alerts=[alert("aa", "resolved")])
    channel = Scripted()
    async with work(ops=channel):
        await settled(store, deliveries, "sent")
    assert channel._sent.qsize() == 1
    assert channel._sent.get_nowait().title == "[🟢 Resolved] Down on aa"
    first, second = await rows(store, deliveries)
    assert (first.state, first.reason, first.within) == (
        "suppressed",
        "resolved_before_sent",
        second.id,
    )
    reason = {"reason": "resolved_before_sent"}
    assert count(numbers, "tocsin_notifications_suppressed_total", **reason) == 1


async def test_a_clock_that_was_set_back_an_hour_delays_nothing(
    store: Store, work: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    offset = timedelta()
    monkeypatch.setattr(store, "_clock", Clock(lambda: datetime.now(UTC) + offset))
    channel = Scripted()
    channel._script.append(SendError("server", "HTTP 500"))
    await owe(store, "ops")
    async with work(ops=channel) as made:
        await settled(store, attempts, "later")
        offset = timedelta(hours=-1)
        await owe(store, "ops", groupKey="another", alerts=[alert("bb")])
        made["ops"].wake()
        for _ in range(2):
            await channel._sent.get()


async def test_a_pace_is_kept_to_the_letter_by_a_worker_under_load(
    store: Store, work: Callable[..., Any]
) -> None:
    times: list[float] = []

    class Timed(Scripted):
        async def send(self, message: Message, http: ClientSession) -> None:
            times.append(asyncio.get_running_loop().time())
            await super().send(message, http)

    rule = Pace(8, 1)
    await storm(store, 30)
    async with work(ops=Timed(pace="8/1s")) as made:
        for number in range(25):
            await owe(store, "ops", groupKey=f"more {number}", alerts=[alert(f"db-{number}")])
            made["ops"].wake()
            await asyncio.sleep(0.1)
    assert len(times) > rule.count
    for first, last in zip(times, times[rule.count :], strict=False):
        assert last - first >= rule.period


async def test_the_inbox_keeps_each_message_for_itself_however_many_come(
    store: Store, work: Callable[..., Any], told: list[Posted]
) -> None:
    await storm(store, 50)
    async with work(ops=Inbox(type="inbox")):
        found = await all_settled(store)
    assert [row.title for row in found] == [f"[🟡 Warning] Down on web-{n}" for n in range(50)]
    assert [posted.id for posted in told] == [row.id for row in found]
