import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from receiver.store.records import Decision, Known
from receiver.store.schema import episodes, incidents
from receiver.store.store import Store
from tests.receiver.webhooks import START, alert, webhook


async def tell(store: Store, *alerts: dict[str, Any], seconds: float = 0, **changes: Any) -> Known:
    """Accept a webhook; returns what the store knew before."""
    seen: list[Known] = []

    def decide(known: Known) -> Decision:
        seen.append(known)
        return Decision(("ops",))

    await store.accept(webhook(alerts, seconds=seconds, **changes), decide)
    return seen[0]


async def rows(store: Store, what: Any) -> list[Any]:
    def read(connection: Connection) -> list[Any]:
        return list(connection.execute(what))

    return await store._reader.run(read)


async def incident_ids(store: Store) -> list[tuple[int, bool]]:
    found = await rows(
        store, select(incidents.c.id, incidents.c.resolved_at).order_by(incidents.c.id)
    )
    return [(row.id, row.resolved_at is not None) for row in found]


async def states(store: Store) -> list[tuple[str, int, str]]:
    order = (episodes.c.fingerprint, episodes.c.starts_at)
    found = await rows(store, select(episodes).order_by(*order))
    return [(r.fingerprint, (r.starts_at - START) // timedelta(minutes=1), r.status) for r in found]


async def test_an_incident_lasts_from_the_first_firing_until_all_alerts_are_resolved(
    store: Store,
) -> None:
    await tell(store, alert("aa"))
    await tell(store, alert("aa"), alert("bb"))
    await tell(store, alert("aa", "resolved"), alert("bb"))
    assert await incident_ids(store) == [(1, False)]
    await tell(store, alert("bb", "resolved"), seconds=60)
    assert await incident_ids(store) == [(1, True)]
    assert await states(store) == [("aa", 0, "resolved"), ("bb", 0, "resolved")]


async def test_a_new_firing_after_the_end_opens_a_new_incident(store: Store) -> None:
    await tell(store, alert("aa"))
    await tell(store, alert("aa", "resolved"))
    await tell(store, alert("aa", minute=5))
    assert await incident_ids(store) == [(1, True), (2, False)]
    assert await store.open_incidents() == 1


async def test_groups_and_receivers_have_incidents_of_their_own(store: Store) -> None:
    await tell(store, alert("aa"))
    await tell(store, alert("aa"), groupKey="another")
    await tell(store, alert("aa"), receiver="another")
    assert await store.open_incidents() == 3


async def test_the_same_resolved_again_stays_with_the_incident_that_it_ended(store: Store) -> None:
    await tell(store, alert("aa"))
    await tell(store, alert("aa", "resolved"))
    await tell(store, alert("aa", "resolved"))
    assert await incident_ids(store) == [(1, True)]


async def test_a_resolved_without_a_firing_is_an_incident_that_is_over(store: Store) -> None:
    await tell(store, alert("aa", "resolved"))
    assert await incident_ids(store) == [(1, True)]


async def test_a_later_episode_ends_the_one_whose_resolved_was_lost(store: Store) -> None:
    await tell(store, alert("aa"))
    await tell(store, alert("aa", minute=5))
    assert await states(store) == [("aa", 0, "resolved"), ("aa", 5, "firing")]
    await tell(store, alert("aa", "resolved", minute=5))
    assert await store.open_incidents() == 0


async def test_a_late_resolved_of_an_older_episode_does_not_end_the_present_one(
    store: Store,
) -> None:
    await tell(store, alert("aa", minute=5))
    await tell(store, alert("aa", "resolved"))
    assert await states(store) == [("aa", 0, "resolved"), ("aa", 5, "firing")]
    assert await store.open_incidents() == 1


async def test_one_fingerprint_twice_in_a_webhook_counts_once(store: Store) -> None:
    await tell(store, alert("aa"), alert("aa", minute=1))
    assert await states(store) == [("aa", 1, "firing")]


async def test_it_is_known_what_fires_what_is_over_and_when_the_same_was_last_owed(
    store: Store,
) -> None:
    await tell(store, alert("aa"), alert("bb", "resolved"), seconds=7)
    known = await tell(store, alert("aa"), alert("bb", "resolved"), seconds=9)
    assert known == Known({"aa": START}, {"bb": START}, owed_at=START + timedelta(seconds=7))


async def test_more_alerts_than_a_statement_takes_parameters_are_looked_up_in_slices(
    store: Store,
) -> None:
    many = [alert(f"{number:016x}") for number in range(12_000)]
    await tell(store, *many)
    known = await tell(store, *many)
    assert len(known.firing) == 12_000


async def test_webhooks_that_come_at_once_see_what_was_said_before_of_their_own_group(
    store: Store,
) -> None:
    """They share a transaction: it must not matter which of them shares it."""
    seen: dict[int, Known] = {}

    def decide(number: int, known: Known) -> Decision:
        seen[number] = known
        return Decision(("ops",))

    said = [
        ("g", [alert("aa")]),
        ("h", [alert("aa")]),
        ("g", [alert("aa"), alert("bb")]),
        ("g", [alert("aa", "resolved"), alert("bb", "resolved")]),
        ("h", [alert("aa", "resolved")]),
        ("g", [alert("aa", minute=5)]),
    ]
    await asyncio.gather(
        *(
            store.accept(webhook(alerts, groupKey=group), partial(decide, number))
            for number, (group, alerts) in enumerate(said)
        )
    )
    assert [sorted(known.firing) for _, known in sorted(seen.items())] == [
        *([], [], ["aa"], ["aa", "bb"], ["aa"], [])
    ]
    assert sorted(is_over for _, is_over in await incident_ids(store)) == [False, True, True]
    assert [state for _, _, state in await states(store)].count("firing") == 1
