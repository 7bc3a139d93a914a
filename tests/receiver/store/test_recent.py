"""What was read is shared while somebody needs it, and kept for a moment if it is small."""

import gc
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from receiver.intake.webhook import parse
from receiver.model import Notification
from receiver.store.recent import Recent
from receiver.store.records import Decision
from receiver.store.store import Store
from tests.receiver.claiming import claim
from tests.receiver.webhooks import START, body, webhook

LATER = START + timedelta(minutes=1)


def said() -> Notification:
    return parse(body())


def test_the_latest_are_kept_up_to_a_bound() -> None:
    recent = Recent(most=800)
    for number in range(20):
        recent.put(number, said(), 100)
    gc.collect()
    assert sorted(recent.find(range(20))) == list(range(12, 20))


def test_a_large_one_is_kept_only_as_long_as_somebody_holds_it() -> None:
    recent = Recent(most=800)
    large = said()
    recent.put(1, large, 101)
    assert recent.find([1, 2]) == {1: large}
    del large
    gc.collect()
    assert recent.find([1]) == {}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "tocsin.db"


async def test_a_webhook_is_read_again_once_for_all_channels_and_never_right_after_it_came(
    database: Path,
) -> None:
    reads = count()

    def counting(raw: bytes) -> Notification:
        next(reads)
        return parse(raw)

    store = await Store.open(database, counting)
    told = webhook()
    await store.accept(told, lambda _: Decision(("a", "b", "c")))
    first = await claim(store, "a", START, LATER)
    assert first is not None
    assert (first.notification, next(reads)) == (told.notification, 0)
    await store.close()
    del told
    store = await Store.open(database, counting)
    second, third = [await claim(store, name, START, LATER) for name in "bc"]
    assert second is not None
    assert third is not None
    assert second.notification is third.notification
    assert next(reads) == 2
    await store.close()
