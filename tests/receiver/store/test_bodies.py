"""What came is kept as it came, in little room and in no large row."""

import random
import tracemalloc

import pytest
from sqlalchemy import Connection, func, select, update

from receiver.store import bodies
from receiver.store.records import Decision, Webhook
from receiver.store.schema import slices, webhooks
from receiver.store.store import Store
from tests.receiver.webhooks import START, alert, body, webhook

MIB = 2**20


@pytest.mark.parametrize("size", [0, 1, bodies.SLICE, 5 * MIB])
def test_a_body_is_the_same_once_it_is_unpacked(size: int) -> None:
    noise = random.Random(7).randbytes(size)  # which nothing can compress
    parts = list(bodies.pack(noise))
    assert max(map(len, parts)) < bodies.SLICE * 1.1
    assert bodies.unpack(parts) == noise


def test_packing_holds_a_slice_and_not_the_body() -> None:
    large = random.Random(7).randbytes(16 * MIB)
    tracemalloc.start()
    for _ in bodies.pack(large):
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * bodies.SLICE


def test_what_alertmanager_says_shrinks_to_a_fraction() -> None:
    said = body([alert(f"{number:016x}") for number in range(10_000)])
    assert sum(map(len, bodies.pack(said))) < len(said) / 5


async def test_a_large_body_is_read_back_from_its_slices(store: Store) -> None:
    noise = random.Random(7).randbytes(3 * MIB)
    said = webhook([alert("aa")])
    await store.accept(
        Webhook(noise, said.notification, START), lambda _: Decision((), "watchdog", incident=False)
    )

    def look(connection: Connection) -> tuple[int, bytes]:
        count = connection.scalar(select(func.count()).select_from(slices))
        return count or 0, bodies.unpack(bodies.read(connection, [1])[1])

    assert await store._reader.run(look) == (5, noise)
    # A newer one of its kind takes its place, slices and all.
    await store.accept(said, lambda _: Decision((), "watchdog", incident=False))
    count, kept = await store._reader.run(
        lambda c: (look_count(c), bodies.unpack(bodies.read(c, [2])[2]))
    )
    assert (count, kept) == (0, said.body)


def look_count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(slices)) or 0


async def test_a_body_of_the_first_release_was_kept_as_it_came(store: Store) -> None:
    said = webhook([alert("aa")])
    await store.accept(said, lambda _: Decision(("ops",)))
    await store._writer.run(lambda c: c.execute(update(webhooks).values(body=said.body)) and None)
    assert bodies.unpack((await store._reader.run(bodies.read, [1]))[1]) == said.body
