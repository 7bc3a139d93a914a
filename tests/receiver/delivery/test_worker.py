import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from receiver.delivery import retry, sending
from receiver.delivery import worker as workers
from receiver.messages.render import Failure, Rendered
from receiver.metrics import Metrics
from receiver.model import Message, PartlyRefusedError, SendError
from receiver.store.records import Posted
from receiver.store.schema import attempts, deliveries
from receiver.store.store import Store
from tests.fakes.alerts import make_message
from tests.receiver.delivery.kit import (
    SECRET,
    Hanging,
    Scripted,
    all_settled,
    count,
    owe,
    rows,
    settled,
)


async def test_a_message_that_was_owed_before_the_start_is_sent(
    store: Store, work: Callable[..., Any], numbers: Metrics, told: list[Posted]
) -> None:
    await owe(store, "ops")
    channel = Scripted()
    async with work(ops=channel):
        message = await channel._sent.get()
        row = await settled(store, deliveries, "sent")
    assert message.title == "[🔴 Critical] Down on aa"
    assert (row.title, row.attempts) == (message.title, 1)
    assert [posted.title for posted in told] == [message.title]
    assert count(numbers, "tocsin_notifications_total", channel="ops", outcome="sent") == 1
    assert count(numbers, "tocsin_notification_delay_seconds_count", channel="ops") == 1


async def test_a_worker_that_idles_is_woken(store: Store, work: Callable[..., Any]) -> None:
    channel = Scripted()
    async with work(ops=channel) as made:
        await asyncio.sleep(0.05)
        await owe(store, "ops")
        made["ops"].wake()
        await channel._sent.get()


async def test_a_passing_error_is_tried_again_and_forgotten_on_success(
    store: Store,
    work: Callable[..., Any],
    numbers: Metrics,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.5)
    await owe(store, "ops")
    channel = Scripted()
    channel._script.append(SendError("server", "HTTP 500"))
    async with work(ops=channel):
        await settled(store, attempts, "later")
        labels = {"channel": "ops", "error": "HTTP 500"}
        assert count(numbers, "tocsin_channel_last_error_info", **labels) == 1
        await settled(store, deliveries, "sent")
        await channel._sent.get()
    assert count(numbers, "tocsin_channel_last_error_info", **labels) is None
    assert count(numbers, "tocsin_notifications_total", channel="ops", outcome="retried") == 1
    assert count(numbers, "tocsin_notification_errors_total", channel="ops", reason="server") == 1
    assert [row.number for row in await rows(store, attempts)] == [1, 2]


async def test_what_some_will_never_take_is_sent_to_the_others_and_counted(
    store: Store, work: Callable[..., Any], numbers: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    await owe(store, "ops")
    channel = Scripted()
    gone = f"1 of 2 refused: {SECRET}"
    channel._script.append(PartlyRefusedError("recipient", gone, permanent=True))
    async with work(ops=channel):
        row = await settled(store, deliveries, "sent")
    assert row.title
    errors = {"channel": "ops", "reason": "recipient"}
    assert count(numbers, "tocsin_notification_errors_total", **errors) == 1
    assert count(numbers, "tocsin_notifications_total", channel="ops", outcome="sent") == 1
    assert "sent, but 1 of 2 refused: ***" in caplog.text


async def test_a_permanent_error_ends_a_message_and_not_the_next(
    store: Store, work: Callable[..., Any], numbers: Metrics
) -> None:
    await owe(store, "ops")
    await owe(store, "ops", groupKey="another")
    channel = Scripted()
    channel._script.append(SendError("rejected", "HTTP 400", permanent=True))
    async with work(ops=channel):
        await settled(store, deliveries, "sent")
    dead, sent = await rows(store, deliveries)
    assert (dead.state, dead.reason, sent.state) == ("dead", "rejected", "sent")
    assert count(numbers, "tocsin_notifications_total", channel="ops", outcome="dead") == 1


async def test_a_retry_after_leaves_the_whole_channel_alone(
    store: Store, work: Callable[..., Any]
) -> None:
    await owe(store, "ops")
    await owe(store, "ops", groupKey="another")
    channel = Scripted()
    channel._script.append(SendError("throttled", "slow down", retry_after=600))
    async with work(ops=channel):
        row = await settled(store, attempts, "later")
        await asyncio.sleep(0.2)
        assert channel._sent.empty()
    first = (await rows(store, deliveries))[0]
    assert 599 < (first.not_before - row.started_at).total_seconds() < 601


async def test_a_dead_channel_does_not_delay_another(
    store: Store, work: Callable[..., Any], numbers: Metrics
) -> None:
    for number in range(5):
        await owe(store, "slow", "ops", groupKey=str(number))
    slow, quick = Hanging(timeout="1h"), Scripted()
    async with work(slow=slow, ops=quick):
        for _ in range(5):
            await quick._sent.get()
        assert slow._sent.qsize() == 1
    assert count(numbers, "tocsin_notifications_total", channel="slow", outcome="sent") == 0


async def test_a_channel_that_never_answers_is_cut_off(
    store: Store,
    work: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "_LAST_WORD", 0)
    await owe(store, "ops")
    async with work(ops=Hanging(timeout="50ms")):
        row = await settled(store, attempts, "later")
    assert (row.reason, row.detail) == ("timeout", "no answer within 0.05 s")


async def test_an_error_in_a_channel_s_own_code_is_fenced_and_its_secrets_masked(
    store: Store,
    work: Callable[..., Any],
    numbers: Metrics,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    await owe(store, "ops")
    channel = Scripted()
    channel._script.append(RuntimeError(f"https://x.example/?token={SECRET}"))
    channel._script.append(SendError("auth", f"{SECRET} is wrong", permanent=True))
    async with work(ops=channel):
        row = await settled(store, attempts, "later")
    assert (row.reason, row.detail) == ("failed", "RuntimeError: https://x.example/?token=***")
    assert "RuntimeError" in caplog.text
    async with work(ops=channel):
        row = await settled(store, attempts, "dead")
    assert row.detail == "*** is wrong"
    assert SECRET not in caplog.text
    last = {"channel": "ops", "error": "*** is wrong"}
    assert count(numbers, "tocsin_channel_last_error_info", **last) == 1


async def test_what_was_sent_is_noted_once_the_store_is_back_and_not_sent_again(
    store: Store,
    work: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "_STORE_PAUSE", 0.05)
    await owe(store, "ops")

    class Locking(Scripted):
        async def send(self, message: Message, http: ClientSession) -> None:
            other.execute("begin immediate")
            await super().send(message, http)

    channel = Locking()
    with closing(sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)) as other:
        async with work(ops=channel):
            await channel._sent.get()
            await asyncio.sleep(0.5)  # longer than the store is waited for
            other.execute("rollback")
            row = await settled(store, deliveries, "sent")
    assert (row.attempts, channel._sent.qsize()) == (1, 0)


async def test_a_template_that_fails_is_counted(
    store: Store,
    work: Callable[..., Any],
    numbers: Metrics,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = Rendered(make_message(), (Failure("broken", "broken.j2", 1, "it is"),))
    monkeypatch.setattr("receiver.delivery.sending.render", lambda *_, **__: broken)
    await owe(store, "ops")
    async with work(ops=Scripted()):
        await settled(store, deliveries, "sent")
    assert count(numbers, "tocsin_template_failures_total", template="broken") == 1


async def test_tries_of_one_message_have_one_key_and_an_incident_one_thread(
    store: Store, work: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT", 0.01)
    seen: list[tuple[str, str]] = []

    class Noting(Scripted):
        async def send(self, message: Message, http: ClientSession) -> None:
            seen.append((message.key, message.thread))
            await super().send(message, http)

    channel = Noting()
    channel._script.append(SendError("server", ""))
    await owe(store, "ops")
    async with work(ops=channel) as made:
        await channel._sent.get()
        await owe(store, "ops", notification_reason="repeat interval elapsed")
        made["ops"].wake()
        await channel._sent.get()
    keys, threads = zip(*seen, strict=True)
    assert keys[0] == keys[1] != keys[2]
    assert len(set(threads)) == 1


async def test_the_message_of_an_incident_is_changed_where_it_stands(
    store: Store, work: Callable[..., Any]
) -> None:
    class Board(Scripted):
        @property
        def changes(self) -> bool:
            return True

        async def send(self, message: Message, http: ClientSession) -> str:
            await super().send(message, http)
            return message.place or f"place {message.thread}"

    channel = Board()
    async with work(ops=channel) as made:
        for changes in ({}, {"groupKey": "another"}, {"notification_reason": "repeat interval"}):
            await owe(store, "ops", **changes)
            made["ops"].wake()
            await all_settled(store)
    first, other, again = (channel._sent.get_nowait() for _ in range(3))
    assert (first.place, other.place) == ("", "")
    assert again.place == f"place {first.thread}"
    assert first.thread != other.thread
