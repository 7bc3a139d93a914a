import asyncio

from sqlalchemy import Connection, func, select

from receiver.store.records import Decision
from receiver.store.schema import standings
from receiver.store.standings import Standing
from receiver.store.store import Store
from tests.receiver.webhooks import START, alert, webhook

MUTED = Standing("muted", START, "night")


async def tell(store: Store, *names: str, status: str = "firing", note: str = "") -> None:
    said = [alert(name, status, note=note) for name in names]
    await store.accept(webhook(said, groupKey="g"), lambda _: Decision(("ops",)))


def _count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(standings)).scalar_one()


async def test_webhooks_get_their_turn_while_a_silence_of_thousands_is_noted(store: Store) -> None:
    changes = {("g", str(number)): MUTED for number in range(10_000)}
    noting = asyncio.create_task(store.stand(changes))
    taken = 0
    while not noting.done():
        await tell(store, f"new-{taken}")
        taken += 1
    assert taken > 4


async def test_what_is_over_has_no_standing_left(store: Store) -> None:
    await tell(store, "aa", "bb")
    await store.stand({each.key: MUTED for each in await store.open_episodes()})
    await tell(store, "aa", status="resolved")
    await store.stand({})
    await tell(store, "aa")  # stale, and so not open
    assert [(each.fingerprint, each.standing) for each in await store.open_episodes()] == [
        ("bb", MUTED)
    ]
    assert await store._reader.run(_count) == 1


async def test_of_large_webhooks_no_more_is_read_than_memory_holds(store: Store) -> None:
    for number in range(4):
        await tell(store, f"{number}", note="x" * 2**21)
    told = await store.told_of(1)
    assert [b'"3"' in told[0], len(told)] == [True, 1]
