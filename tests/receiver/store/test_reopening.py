"""What fires again soon after all was over is the same incident, and its times stay right."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from receiver.model import Act
from receiver.store.audit import Change
from receiver.store.escalating import Progress
from receiver.store.records import Decision, Known, Terms
from receiver.store.reopening import MOST, Ended, life
from receiver.store.schema import incidents, reopenings
from receiver.store.store import Store
from tests.receiver.store.test_episodes import incident_ids, rows
from tests.receiver.webhooks import START, alert, webhook

MINUTE = timedelta(minutes=1)
SOON = Terms(reopen=10 * MINUTE)


def owed(_: Known) -> Decision:
    return Decision(("ops",))


async def tell(store: Store, at: float, status: str, began: int = 0, **changes: Any) -> None:
    """Say at a minute how an episode stands that began at another."""
    told = webhook([alert("aa", status, began)], seconds=60 * at, **changes)
    await store.accept(told, owed, SOON)


async def flap(store: Store, *ends: float) -> None:
    """Fire at minute 0, and again two minutes after each end."""
    began = 0
    for end in ends:
        await tell(store, end, "resolved", began)
        began = int(end + 2)
        await tell(store, began, "firing", began)


@pytest.mark.parametrize(
    ("minutes", "within", "reopened", "said"),
    [
        (9, 10, 0, "reopened"),
        (10, 10, 0, "reopened"),
        (11, 10, 0, "late"),
        (-60, 10, 0, "reopened"),
        (0, 0, 0, "off"),
        (1, 10, MOST, "worn"),
    ],
)
def test_it_is_said_why_an_incident_is_the_same_or_another(
    minutes: int, within: int, reopened: int, said: str
) -> None:
    ended = Ended(1, START, reopened, within * MINUTE)
    assert life(ended, START + minutes * MINUTE) == said


async def test_what_fires_again_in_time_opens_the_same_incident(store: Store) -> None:
    await tell(store, 0, "firing")
    await flap(store, 5)
    assert await incident_ids(store) == [(1, False)]
    found = await store.incidents.look_up(1, START)
    assert found is not None
    assert (found.reopened, found.reopened_at) == (1, START + 7 * MINUTE)
    assert (found.state, found.firing, found.alerts) == ("open", 1, 1)
    await tell(store, 9, "resolved", 7)
    assert await incident_ids(store) == [(1, True)]
    await tell(store, 20, "firing", 20)
    assert await incident_ids(store) == [(1, True), (2, False)]


async def test_the_timeline_says_each_end_and_each_opening(store: Store) -> None:
    await tell(store, 0, "firing")
    await flap(store, 5, 9)
    said = [(e.kind, (e.at - START) // MINUTE) for e in await store.incidents.timeline(1)]
    life_of_it = [each for each in said if each[0] in {"opened", "over", "reopened"}]
    assert life_of_it == [
        ("opened", 0),
        ("over", 5),
        ("reopened", 7),
        ("over", 9),
        ("reopened", 11),
    ]


async def test_a_late_word_of_an_episode_that_is_over_opens_nothing(store: Store) -> None:
    await tell(store, 0, "firing")
    await tell(store, 5, "resolved")

    def stale(known: Known) -> Decision:
        assert known.is_stale(each)
        return Decision(("ops",), "stale", (each.fingerprint,))

    told = webhook([alert("aa")], seconds=360)
    (each,) = told.notification.alerts
    await store.accept(told, stale, SOON)
    await tell(store, 7, "resolved")
    assert await incident_ids(store) == [(1, True)]
    assert await rows(store, select(reopenings)) == []


async def test_other_groups_and_an_end_that_nobody_saw_fire_open_nothing(store: Store) -> None:
    await tell(store, 0, "firing")
    await tell(store, 5, "resolved")
    await tell(store, 6, "firing", 6, groupKey="another")
    await tell(store, 7, "resolved", 6)
    assert await incident_ids(store) == [(1, True), (2, False)]


async def test_an_acknowledgement_and_an_escalation_end_with_what_was_over(store: Store) -> None:
    await tell(store, 0, "firing")
    had = Act("acknowledge", "Ada", START + MINUTE)
    await store.handling.acknowledge(1, had, Change("ada", "acknowledge"))
    await store.escalating.begin({1: Progress("urgent", START, told=2)})
    await tell(store, 5, "resolved")
    await tell(store, 7, "firing", 7)
    stands = await store.handling.handled(1, START + 7 * MINUTE)
    assert stands is not None
    assert (stands.is_open, stands.taken, stands.reopened) == (True, None, 1)
    (pending,) = await store.escalating.pending()
    assert (pending.progress, pending.since) == (None, START + 7 * MINUTE)
    again = Act("acknowledge", "Bob", START + 8 * MINUTE)
    stood = await store.handling.acknowledge(1, again, Change("bob", "acknowledge"))
    assert stood is not None
    assert stood.taken is None
    assert (await store.handling.handled(1, START + 9 * MINUTE)).taken == again  # type: ignore[union-attr]


async def test_it_is_had_since_it_was_first_and_lasts_without_the_time_it_was_over(
    store: Store,
) -> None:
    await tell(store, 0, "firing")
    await flap(store, 5, 9)
    had = Act("acknowledge", "Ada", START + 8 * MINUTE)
    await store.handling.acknowledge(1, had, Change("ada", "acknowledge"))
    await tell(store, 20, "resolved", 11)
    summary = await store.incidents.summarise(START)
    assert (summary.opened, summary.resolved) == (1, 1)
    assert summary.acknowledged_after == 6 * 60
    assert summary.resolved_after == 16 * 60
    rests = tuple((START + n * MINUTE, START + (n + 2) * MINUTE) for n in (5, 9))
    (past,) = (await store.reviewing.look(START, START, START + timedelta(hours=1))).incidents
    assert (past.acknowledged, past.rests) == (START + 8 * MINUTE, rests)
    (judged,) = await store.verdicts.judged(START)
    assert (judged.taken, judged.rests) == (True, rests)


async def test_an_incident_is_opened_again_so_often_and_no_more(store: Store) -> None:
    await tell(store, 0, "firing")
    await flap(store, *range(5, 5 + 3 * (MOST + 1), 3))
    assert await incident_ids(store) == [(1, True), (2, False)]
    assert len(await rows(store, select(reopenings))) == MOST


async def test_two_that_come_at_once_open_it_again_once(store: Store) -> None:
    await tell(store, 0, "firing")
    await tell(store, 5, "resolved")
    await tell(store, 7, "firing", 7)
    await tell(store, 7, "firing", 7)
    (row,) = await rows(store, select(incidents))
    assert row.reopened == 1


async def test_what_is_forgotten_leaves_no_reopening_behind(store: Store) -> None:
    await tell(store, 0, "firing")
    await flap(store, 5)
    await tell(store, 9, "resolved", 7)
    await store._writer.run(_settle)
    while await store.forget(START + timedelta(days=1), 100):
        pass
    assert await rows(store, select(incidents)) == []
    assert await rows(store, select(reopenings)) == []


def _settle(connection: Any) -> None:
    connection.exec_driver_sql("UPDATE deliveries SET state = 'sent'")
