"""What is told at the end of a window is told by one receiver of several."""

import asyncio
from pathlib import Path

from sqlalchemy import URL

from receiver.incidents.quiet.hours import Interval
from receiver.incidents.quiet.keeping import Flapping, Habits
from receiver.intake.webhook import parse
from receiver.store.keeping import Letter, Release
from receiver.store.store import Store
from tests.receiver.incidents.quiet.kit import House, at, names, told, window
from tests.receiver.webhooks import START, webhook


async def test_of_two_receivers_that_notice_at_once_one_tells(
    database: Path | URL, store: Store
) -> None:
    # A file has one receiver, in which two ticks at once must do no harm either.
    other = await Store.open(database, parse) if isinstance(database, URL) else store
    houses = [House(each, [window()]) for each in (store, other)]
    for name in "abcd":
        await houses[0].hear(1, name, groupKey=name)
    await asyncio.gather(*(house.tick(60) for house in houses * 3))
    (said,) = await told(store)
    assert names(said) == ["a firing", "b firing", "c firing", "d firing"]
    assert len(await told(store, "mail")) == 1
    if other is not store:
        await other.close()


async def test_what_is_said_once_is_said_once_by_whoever_comes_first(store: Store) -> None:
    letter = Letter(webhook(), ("ops",))
    done = await asyncio.gather(
        *(store.keeping.say_once("it ends", letter, at(minute)) for minute in range(5))
    )
    assert sum(done) == 1
    assert await store.keeping.was_said(["it ends", "another"]) == {"it ends"}
    assert len(await told(store)) == 1
    while await store.forget(START + 6 * (at(1) - START), 100):
        pass
    assert await store.keeping.was_said(["it ends"]) == frozenset()


async def test_of_what_another_has_told_in_part_nothing_is_told(store: Store) -> None:
    house = House(store, [window()])
    await house.hear(1, "a", groupKey="a")
    (_, hold), *_ = await store.keeping.reasons()
    held = await store.keeping.held(hold, ["ops", "mail"])
    assert await store.keeping.release(Release(held[:1]), at(60))
    letter = Letter(webhook(), ("ops",))
    assert not await store.keeping.release(Release(held, letters=(letter,)), at(60))
    assert await told(store) == []
    assert await store.keeping.held(hold, ["ops", "mail"]) == held[1:]  # for the next look


async def test_hours_and_what_flaps_end_alike_in_every_database(store: Store) -> None:
    noon = Interval.model_validate({"times": [{"start_time": "12:00", "end_time": "13:00"}]})
    house = House(store, hours={"noon": [noon]}, flapping=Flapping())
    house.habits = {"mail": Habits(mute_times=("noon",))}
    for minute in (0, 10, 20, 30, 40):
        await house.flap(minute)
        await house.flap(minute + 1, "resolved")
    await house.flap(45)
    await house.tick(46)
    assert [each.act and each.act.verb for each in await told(store)] == [None] * 8 + ["flapping"]
    await house.tick(60)  # the hours end as it is calm
    (said,) = await told(store)
    assert said.act is not None
    assert (said.act.verb, said.act.detail) == ("calm", "2")
    assert [names(each) for each in await told(store, "mail")] == [["a firing"]]
    assert await store.keeping.reasons() == []
