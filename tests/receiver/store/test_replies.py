"""Of requests with one key, one acts, whichever receiver of a store they come to."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL

from receiver.intake.webhook import parse
from receiver.store import replies
from receiver.store.replies import LASTING, LEASE, Mark, Reply, Stands
from receiver.store.store import Store
from tests.receiver.webhooks import START

MARK = Mark("key", "request", START)
REPLY = Reply(201, "application/json", b"{}")
MOMENT = timedelta(microseconds=1)


def later(by: timedelta) -> Mark:
    return replace(MARK, at=START + by)


async def test_what_came_first_is_done_and_its_answer_is_kept_for_a_day(store: Store) -> None:
    assert await store.replies.begin(MARK) is None
    assert await store.replies.begin(later(MOMENT)) is Stands.UNDER_WAY
    await store.replies.keep(MARK, REPLY)
    assert await store.replies.begin(later(LASTING)) == REPLY
    other = replace(later(MOMENT), request="other")
    assert await store.replies.begin(other) is Stands.OTHER
    assert await store.replies.begin(later(LASTING + MOMENT)) is None


async def test_what_led_to_nothing_can_be_tried_again(store: Store) -> None:
    assert await store.replies.begin(MARK) is None
    await store.replies.drop(MARK)
    assert await store.replies.begin(later(MOMENT)) is None


async def test_what_a_dead_receiver_began_is_taken_over_once(store: Store) -> None:
    assert await store.replies.begin(MARK) is None
    assert await store.replies.begin(later(LEASE)) is None
    assert await store.replies.begin(later(LEASE + MOMENT)) is Stands.UNDER_WAY
    await store.replies.keep(MARK, REPLY)  # by whom it was taken from
    await store.replies.drop(MARK)
    assert await store.replies.begin(later(LEASE + MOMENT)) is Stands.UNDER_WAY
    await store.replies.keep(later(LEASE), REPLY)
    assert await store.replies.begin(later(LEASE + MOMENT)) == REPLY


async def test_of_two_receivers_at_once_one_acts(database: Path | URL, store: Store) -> None:
    other = await Store.open(database, parse) if isinstance(database, URL) else store
    try:
        for turn in range(5):
            marks = [Mark(f"{turn}", "request", START + n * MOMENT) for n in range(8)]
            asked = [(store, other)[n % 2].replies.begin(mark) for n, mark in enumerate(marks)]
            assert Counter(await asyncio.gather(*asked)) == {None: 1, Stands.UNDER_WAY: 7}
    finally:
        if other is not store:
            await other.close()


async def test_only_so_many_are_kept_and_none_that_is_under_way_goes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "MOST", 3)
    for name in "abcd":
        mark = replace(MARK, key=name, at=START + timedelta(seconds=ord(name)))
        assert await store.replies.begin(mark) is None
        if name != "a":
            await store.replies.keep(mark, REPLY)
    now = START + timedelta(seconds=ord("d") + 1)
    stands = {name: await store.replies.begin(Mark(name, "request", now)) for name in "acd"}
    assert stands == {"a": Stands.UNDER_WAY, "c": REPLY, "d": REPLY}
    assert await store.replies.begin(Mark("b", "request", now)) is None


async def test_answers_go_with_all_that_is_old(store: Store) -> None:
    await store.replies.begin(MARK)
    assert await store.forget(START + MOMENT, 100) == 1
    assert await store.forget(START + MOMENT, 100) == 0
