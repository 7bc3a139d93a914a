"""Batches, lanes, gates and hand-overs, on both databases."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from receiver.intake.webhook import parse
from receiver.model import Delivery
from receiver.store import claims
from receiver.store.notices import Asked
from receiver.store.records import Choice, Decision, Gate, Line, Outcome, Waiting
from receiver.store.store import Store
from tests.receiver.webhooks import START, alert, webhook

UNTIL = START + timedelta(minutes=1)
OPS = Line("ops", "robot", "mail")


async def owe(store: Store, name: str, severity: str = "warning", *channels: str) -> None:
    told = webhook([alert(name, severity=severity)], groupKey=name)
    await store.accept(told, lambda _: Decision(channels or ("ops",)))


async def take(
    store: Store, most: int, *, mixed: bool = False, line: Line = OPS, **gate: Any
) -> list[Delivery]:
    def choose(waiting: Waiting) -> Choice:
        return Choice(most, Gate(**gate) if gate else waiting.gate, mixed)

    return list((await store.take(line, choose, START, UNTIL)).batch)


async def seen(store: Store, line: Line = OPS) -> Waiting:
    return (await store.take(line, lambda w: Choice(0, w.gate), START, UNTIL)).waiting


def hosts(batch: list[Delivery]) -> list[str]:
    return [each.notification.alerts[0].fingerprint for each in batch]


async def fates(store: Store) -> list[tuple[int, str, str, str, int | None]]:
    found = await store.notices(Asked())
    return sorted((n.id, n.channel, n.state, n.reason, n.within) for n in found)


async def test_lanes_are_counted_apart_and_the_urgent_one_is_taken_first(store: Store) -> None:
    for name, severity in (("a", "warning"), ("b", "critical"), ("c", "info")):
        await owe(store, name, severity)
    waiting = await seen(store)
    assert (waiting.urgent, waiting.ordinary) == (1, 2)
    assert hosts(await take(store, 9)) == ["b"]
    assert hosts(await take(store, 9)) == ["a", "c"]


async def test_a_mixed_batch_holds_the_urgent_and_then_the_oldest(store: Store) -> None:
    for name, severity in (("a", "warning"), ("b", "warning"), ("c", "critical")):
        await owe(store, name, severity)
    assert hosts(await take(store, 2, mixed=True)) == ["a", "c"]
    assert hosts(await take(store, 2)) == ["b"]


async def test_an_incident_brings_what_came_before_in_the_other_lane(store: Store) -> None:
    await store.accept(webhook([alert(severity="warning")]), lambda _: Decision(("ops",)))
    await store.accept(webhook([alert("bb")]), lambda _: Decision(("ops",)))
    assert hosts(await take(store, 1)) == ["aa", "bb"]


async def test_a_batch_holds_no_more_bytes_than_are_read_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        await owe(store, name)
    size = len(webhook([alert("a", severity="warning")], groupKey="a").body)
    monkeypatch.setattr(claims, "_MOST_BYTES", 2 * size + 1)
    assert hosts(await take(store, 9)) == ["a", "b"]
    monkeypatch.setattr(claims, "_MOST_BYTES", 1)
    assert hosts(await take(store, 9)) == ["c"]


async def test_a_gate_is_remembered_and_shared_by_the_channels_of_a_destination(
    store: Store, database: Path | URL
) -> None:
    await owe(store, "a")
    later = START + timedelta(minutes=10)
    changed = Gate(tokens=2.5, counted_at=START, paused_until=later, failures=4, open_until=later)
    (claimed,) = await take(
        store,
        1,
        tokens=2.5,
        counted_at=START,
        paused_until=later,
        failures=4,
        open_until=later,
    )
    assert (await seen(store, Line("chat", "robot"))).gate == changed
    assert (await seen(store, Line("chat"))).gate == Gate()
    await store.settle(OPS, [(claimed, Outcome("sent"))], START)
    await store.close()
    again = await Store.open(database, parse)
    kept = (await seen(again)).gate
    assert (kept.tokens, kept.paused_until, kept.failures) == (2.5, later, 0)
    await again.close()


async def test_what_would_be_dead_goes_by_the_fallback_once(store: Store) -> None:
    await owe(store, "a")
    await owe(store, "b", "warning", "ops", "mail")
    batch = await take(store, 9)
    dead = Outcome("dead", "rejected", "HTTP 400")
    noted = await store.settle(OPS, [(each, dead) for each in batch], START)
    assert {outcome.reason for _, outcome in noted} == {"fell_back"}
    assert await fates(store) == [
        (1, "ops", "suppressed", "fell_back", 4),
        (2, "ops", "suppressed", "fell_back", 3),
        (3, "mail", "owed", "", None),
        (4, "mail", "owed", "", None),
    ]


async def test_without_a_fallback_the_dead_are_dead_until_they_are_replayed(store: Store) -> None:
    await owe(store, "a")
    line = Line("ops")
    (claimed,) = await take(store, 1, line=line)
    await store.settle(line, [(claimed, Outcome("dead", "rejected", "HTTP 400"))], START)
    assert await store.replay([claimed.id, 99], "", UNTIL) == [claimed.id]
    assert await store.replay([claimed.id], "", UNTIL) == []
    assert await fates(store) == [(1, "ops", "dead", "rejected", 2), (2, "ops", "owed", "", None)]
    (attempt,) = await store.attempts_of(claimed.id)
    assert (attempt.outcome, attempt.detail) == ("dead", "HTTP 400")


async def test_a_sweep_leaves_what_somebody_has_claimed(store: Store) -> None:
    for name in "abc":
        await owe(store, name)
    await take(store, 1)
    assert await store.sweep(OPS, START) == 2
    assert [state for _, channel, state, _, _ in await fates(store) if channel == "ops"] == [
        "owed",
        "suppressed",
        "suppressed",
    ]
    assert [(q.channel, q.owed) for q in await store.queues()] == [("mail", 2), ("ops", 1)]


async def test_hurrying_makes_due_what_an_earlier_clock_put_off(store: Store) -> None:
    await owe(store, "a")
    (claimed,) = await take(store, 1)
    put_off = Outcome("later", "server", "", START + timedelta(hours=1))
    await store.settle(OPS, [(claimed, put_off)], START)
    assert await take(store, 1) == []
    await store.hurry("ops", START)
    assert hosts(await take(store, 1)) == ["a"]


async def test_who_has_a_message_already_is_known_to_whoever_tries_it_next(store: Store) -> None:
    await owe(store, "a")
    later = START + timedelta(hours=1)
    for names in ({"first"}, {"first", "second"}):
        (delivery,) = await take(store, 1)
        outcome = Outcome("later", "recipient", "", START, reached=frozenset(names))
        await store.settle(OPS, [(delivery, outcome)], START)
    (delivery,) = await take(store, 1)
    assert delivery.reached == {"first", "second"}
    assert delivery.reached_at == START
    await store.settle(OPS, [(delivery, Outcome("later", "recipient", "", later))], START)
    assert not await take(store, 1)
    told = webhook([alert("a", "resolved")], groupKey="a")
    await store.accept(told, lambda _: Decision(("ops",)))
    assert [len(each.reached) for each in await take(store, 1)] == [2, 0]
