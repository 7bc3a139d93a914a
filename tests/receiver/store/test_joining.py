"""Groups that a rule makes one incident: one head, which is open as long as any of them fires."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from receiver.model import Act
from receiver.store.audit import Change
from receiver.store.incidents import Incident, Wanted
from receiver.store.joining import Head, why
from receiver.store.records import Decision, Join, Known, Terms
from receiver.store.reopening import MOST
from receiver.store.schema import incidents
from receiver.store.standings import Standing
from receiver.store.store import Store
from tests.receiver.store.test_episodes import rows
from tests.receiver.webhooks import START, alert, webhook

MINUTE = timedelta(minutes=1)
WEB = Join("web-1", 10 * MINUTE)


def owed(_: Known) -> Decision:
    return Decision(("ops",))


async def tell(
    store: Store, group: str, at: float, status: str = "firing", began: int = 0, **changes: Any
) -> None:
    """Say at a minute how an episode of a group stands that began at another."""
    join = changes.pop("join", WEB)
    told = webhook(
        [alert(group, status, began, **changes)],
        seconds=60 * at,
        groupKey=group,
        groupLabels={"alertname": group},
    )
    await store.accept(told, owed, Terms(reopen=10 * MINUTE, join=join))


async def listed(store: Store, state: str = "") -> list[Incident]:
    return await store.incidents.find(Wanted(state), START + timedelta(hours=1))


async def states(store: Store) -> list[tuple[int, int | None, bool]]:
    """Return each incident, what it joined, and whether it is open."""
    found = await rows(store, select(incidents).order_by(incidents.c.id))
    return [(row.id, row.head, row.resolved_at is None) for row in found]


@pytest.mark.parametrize(
    ("head", "join", "minutes", "said"),
    [
        (None, None, 0, "no_rule"),
        (None, WEB, 0, "first"),
        (Head(1, START, "info"), WEB, 9000, "joined"),
        (Head(1, START, "info", START + MINUTE), WEB, 10, "joined"),
        (Head(1, START, "info", START + MINUTE), WEB, 11, "late"),
        (Head(1, START, "info", START + MINUTE, MOST), WEB, 2, "worn"),
    ],
)
def test_it_is_said_why_an_incident_joins_another_or_not(
    head: Head | None, join: Join | None, minutes: int, said: str
) -> None:
    assert why(head, join, START + minutes * MINUTE) == said


async def test_what_fires_beside_it_joins_and_all_is_over_when_the_last_is(store: Store) -> None:
    await tell(store, "Down", 0, severity="warning")
    await tell(store, "Slow", 60, began=60, severity="critical")
    await tell(store, "Else", 60, join=Join("web-2", MINUTE))
    other, one = await listed(store)
    assert (other.id, other.members, one.id) == (3, (), 1)
    assert [(m.id, m.title, m.resolved_at) for m in one.members] == [(2, "Slow", None)]
    assert (one.severity, one.firing, one.alerts) == ("critical", 2, 2)
    assert await store.open_incidents() == 2
    await tell(store, "Down", 61, "resolved")
    assert await states(store) == [(1, None, True), (2, 1, True), (3, None, True)]
    assert (await store.facts()).hollow == []
    assert sorted((await store.facts()).incidents) == [2, 3]
    await tell(store, "Slow", 62, "resolved", 60)
    assert await states(store) == [(1, None, False), (2, 1, False), (3, None, True)]
    (over,) = await listed(store, "resolved")
    assert over.resolved_at == START + 62 * MINUTE


async def test_a_member_that_is_over_first_leaves_the_head_open(store: Store) -> None:
    await tell(store, "Down", 0)
    await tell(store, "Slow", 1)
    await tell(store, "Slow", 2, "resolved")
    assert await states(store) == [(1, None, True), (2, 1, False)]
    await tell(store, "Down", 3, "resolved")
    assert await states(store) == [(1, None, False), (2, 1, False)]


async def test_soon_after_its_start_it_opens_again_for_what_joins_and_later_it_does_not(
    store: Store,
) -> None:
    await tell(store, "Down", 0)
    await tell(store, "Down", 2, "resolved")
    await tell(store, "Slow", 8)
    (one,) = await listed(store)
    assert (one.state, one.reopened, len(one.members)) == ("open", 1, 1)
    await tell(store, "Slow", 9, "resolved")
    await tell(store, "Full", 11)
    assert await states(store) == [(1, None, False), (2, 1, False), (3, None, True)]
    await tell(store, "Slow", 12, began=12)
    assert await states(store) == [(1, None, True), (2, 1, True), (3, None, True)]
    assert [each.reopened for each in await listed(store)] == [0, 2]


async def test_those_that_come_at_once_join_the_first_of_them(store: Store) -> None:
    await asyncio.gather(*(tell(store, name, 0) for name in ("Down", "Slow", "Full")))
    assert [(head, is_open) for _, head, is_open in await states(store)] == [
        *((None, True), (1, True), (1, True))
    ]
    (one,) = await listed(store)
    assert len(one.members) == 2


async def test_who_takes_one_has_all_and_what_is_asked_of_one_is_told_of_all(store: Store) -> None:
    await tell(store, "Down", 0)
    await tell(store, "Slow", 1)
    act = Act("acknowledge", "Ada", START + 2 * MINUTE)
    await store.handling.acknowledge(2, act, Change("ada", "acknowledge", "incident 2"))
    for number in (1, 2):
        stands = await store.handling.handled(number, START + 3 * MINUTE)
        assert stands is not None
        assert stands.taken == act
        found = await store.incidents.look_up(number, START + 3 * MINUTE)
        assert found is not None
        assert (found.id, found.state) == (1, "acknowledged")
        assert await store.incidents.together(number) == [1, 2]
    kinds = [(e.kind, e.what) for e in await store.incidents.timeline(1) if e.kind != "message"]
    assert ("joined", "Slow") in kinds
    assert ("act", "acknowledge") in kinds
    assert kinds.count(("opened", "")) == 1
    kin = await store.incidents.kin(1, 2)
    assert (kin.head, kin.also) == (1, ("Down",))


async def test_words_find_the_head_by_what_joined_it(store: Store) -> None:
    await tell(store, "Down", 0)
    await tell(store, "Slow", 1)
    found = await store.incidents.find(Wanted(words=("slow",)), START)
    assert [each.id for each in found] == [1]


async def test_one_that_is_silenced_in_part_is_not_silenced(store: Store) -> None:
    await tell(store, "Down", 0)
    await tell(store, "Slow", 1)
    keys = {each.incident: each.key for each in await store.open_episodes()}
    hushed = Standing("silenced", START, "x")
    await store.stand({keys[2]: hushed})
    assert [each.state for each in await listed(store, "open")] == ["open"]
    assert [pending.silenced for pending in await store.escalating.pending()] == [False]
    await store.stand({keys[1]: hushed})
    assert [pending.silenced for pending in await store.escalating.pending()] == [True]


async def test_the_next_is_asked_about_all_of_it_together(store: Store) -> None:
    await tell(store, "Down", 0)
    await tell(store, "Slow", 1)
    await tell(store, "Full", 2)
    await tell(store, "Full", 3, "resolved")
    (pending,) = await store.escalating.pending()
    assert (pending.incident, pending.members, pending.webhook) == (1, (2,), 2)


async def test_reports_count_it_once_and_each_rule_is_judged_for_itself(store: Store) -> None:
    await tell(store, "Down", 0)
    await tell(store, "Slow", 1)
    await tell(store, "Down", 3, "resolved")
    await tell(store, "Slow", 20, "resolved")
    act = Act("acknowledge", "Ada", START + 2 * MINUTE)
    await store.handling.acknowledge(1, act, Change("ada", "acknowledge", "incident 1"))
    summary = await store.incidents.summarise(START)
    assert (summary.opened, summary.resolved_after) == (1, 20 * 60)
    (past,) = (await store.reviewing.look(START, START, START + timedelta(hours=1))).incidents
    assert past.resolved == START + 20 * MINUTE
    slow, down = await store.verdicts.judged(START)
    assert [slow.rule, down.rule] == ["Slow", "Down"]
    assert down.resolved_at == START + 30 * MINUTE / 60
    assert slow.resolved_at == START + 20 * MINUTE


async def test_a_head_is_forgotten_with_what_joined_it_and_not_before(store: Store) -> None:
    await tell(store, "Down", 0)
    await tell(store, "Slow", 1)
    for name in ("Down", "Slow"):
        await tell(store, name, 2, "resolved")
    await store._writer.run(_settle)
    while await store.forget(START + timedelta(days=1), 100):
        pass
    assert await states(store) == []


def _settle(connection: Any) -> None:
    connection.exec_driver_sql("UPDATE deliveries SET state = 'sent'")
