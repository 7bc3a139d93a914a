"""Overrides are kept until long after their end, and a hand-over is told once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from receiver.store import rota
from receiver.store.audit import Change
from receiver.store.rota import Stint
from receiver.store.store import Store
from tests.receiver.webhooks import START

HOUR = timedelta(hours=1)
DONE = Change("phone", "override", "schedule ops", "ada")
ADA = Stint("ops", "ada", START + HOUR, START + 3 * HOUR, "phone")


async def test_overrides_come_back_as_they_were_made_until_they_are_over(store: Store) -> None:
    later = replace(ADA, person="bob", since=START)
    first = await store.rota.override(ADA, DONE, START)
    second = await store.rota.override(later, DONE, START)
    assert first is not None
    assert second is not None
    kept = [replace(ADA, number=first), replace(later, number=second)]
    assert await store.rota.overrides(START) == kept
    assert await store.rota.overrides(START + 3 * HOUR) == []
    assert [entry.change for entry in await store.changes()] == [DONE, DONE]


async def test_what_has_begun_ends_now_and_what_has_not_is_forgotten(store: Store) -> None:
    number = await store.rota.override(ADA, DONE, START)
    assert number is not None
    kept = replace(ADA, number=number)
    undo = Change("phone", "withdraw", "schedule ops", "ada")
    assert await store.rota.withdraw("db", number, undo, START) is None
    assert await store.rota.withdraw("ops", number, undo, START + 2 * HOUR) == kept
    assert await store.rota.withdraw("ops", number, undo, START + 2 * HOUR) is None
    assert await store.rota.overrides(START) == [replace(kept, until=START + 2 * HOUR)]
    other = await store.rota.override(ADA, DONE, START)
    assert other is not None
    assert await store.rota.withdraw("ops", other, undo, START) == replace(ADA, number=other)
    assert [each.number for each in await store.rota.overrides(START)] == [number]
    assert [e.change.action for e in await store.changes()].count("withdraw") == 2


async def test_a_schedule_has_so_many_overrides_and_old_ones_make_room(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rota, "MOST", 2)
    for expected in (True, True, False):
        assert (await store.rota.override(ADA, DONE, START) is not None) is expected
    assert await store.rota.override(replace(ADA, schedule="db"), DONE, START) is not None
    assert len(await store.changes()) == 3
    after = START + timedelta(days=31)
    late = replace(ADA, since=after, until=after + HOUR)
    assert await store.rota.override(late, DONE, after) is not None
    assert len(await store.rota.overrides(START)) == 1


async def test_the_last_shift_that_was_told_is_remembered_and_no_earlier_one(store: Store) -> None:
    bob = replace(ADA, person="bob", since=START + 2 * HOUR, who="")
    db = replace(ADA, schedule="db", who="")
    await store.rota.tell([replace(ADA, who=""), db])
    await store.rota.tell([bob])
    await store.rota.tell([ADA])
    assert await store.rota.told() == {"ops": bob, "db": db}
