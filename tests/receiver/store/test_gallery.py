from datetime import timedelta

import pytest

from receiver.store import gallery
from receiver.store.gallery import LASTS
from receiver.store.store import Store
from tests.receiver.webhooks import START

SECOND = timedelta(seconds=1)


async def test_the_same_picture_is_kept_once_and_for_as_long_as_it_is_hung_again(
    store: Store,
) -> None:
    name = await store.gallery.hang(b"picture", START)
    assert await store.gallery.hang(b"picture", START + LASTS) == name
    await store.gallery.hang(b"another", START + LASTS + SECOND)
    assert await store.gallery.show(name) == b"picture"


async def test_old_ones_are_forgotten(store: Store) -> None:
    name = await store.gallery.hang(b"picture", START)
    await store.gallery.hang(b"another", START + LASTS + SECOND)
    assert await store.gallery.show(name) is None


async def test_of_too_many_the_oldest_are_forgotten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "_MOST", 3)
    names = [await store.gallery.hang(b"%d" % n, START + n * SECOND) for n in range(5)]
    shown = [await store.gallery.show(name) for name in names]
    assert shown == [None, None, b"2", b"3", b"4"]
