"""What people did about incidents is kept once, and ends with the incident."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import URL

from receiver.intake.webhook import parse
from receiver.model import Act
from receiver.store.audit import Change
from receiver.store.handling import Handled
from receiver.store.records import Decision
from receiver.store.store import Store
from tests.receiver.webhooks import START, alert, webhook

FIRST = Act("acknowledge", "first", START)
SECOND = Act("acknowledge", "second", START + timedelta(minutes=1))


def change(act: Act) -> Change:
    return Change(act.who, act.verb, "incident 1")


async def tell(store: Store, status: str = "firing") -> None:
    said = [alert("aa", status)]
    await store.accept(webhook(said, groupKey="g"), lambda _: Decision(("ops",), "duplicate"))


async def test_of_two_who_take_an_incident_one_has_it(store: Store) -> None:
    await tell(store)
    takes = (store.handling.acknowledge(1, act, change(act)) for act in (FIRST, SECOND))
    stood = [each for each in await asyncio.gather(*takes) if each is not None]
    held = await store.handling.handled(1, store.now())
    assert held is not None
    assert held.taken in (FIRST, SECOND)
    assert sorted(each.taken is None for each in stood) == [False, True]
    assert len(await store.changes()) == 1


async def test_nobody_takes_what_is_over_or_was_never_there(store: Store) -> None:
    await tell(store)
    await tell(store, "resolved")
    assert await store.handling.acknowledge(1, FIRST, change(FIRST)) == Handled(is_open=False)
    assert await store.handling.acknowledge(99, FIRST, change(FIRST)) is None
    assert await store.changes() == []


async def test_what_was_done_is_forgotten_with_its_incident(store: Store) -> None:
    await tell(store)
    await store.handling.acknowledge(1, FIRST, change(FIRST))
    await tell(store, "resolved")
    while await store.forget(START + timedelta(days=9999), 100):
        pass
    assert await store.handling.handled(1, store.now()) is None


async def test_the_key_of_links_is_made_once(store: Store, database: Path | URL) -> None:
    made = await store.handling.key()
    assert len(made) == 32
    other = await Store.open(database, parse, patience=1)
    assert await other.handling.key() == made
    await other.close()
