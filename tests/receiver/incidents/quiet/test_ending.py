from pathlib import Path

import pytest

from receiver.intake.webhook import parse
from receiver.messages.route import Route
from receiver.store.incidents import Wanted
from receiver.store.store import Store
from tests.receiver.incidents.quiet.kit import House, at, names, suppressed, told, window


@pytest.fixture
def house(store: Store) -> House:
    return House(store, [window()])


async def test_what_a_window_covers_is_told_to_nobody_and_can_be_looked_up(
    house: House, store: Store
) -> None:
    assert await house.hear(1, "a") == "maintenance"
    assert await told(store) == []
    assert house.woken == []
    assert await suppressed(store) == [
        ("ops", "maintenance", "move"),
        ("mail", "maintenance", "move"),
    ]
    assert await store.open_incidents() == 1  # which lives all the same
    assert [episode.fingerprint for episode in await store.open_episodes()] == ["a"]


async def test_at_its_end_one_message_says_what_still_fires(house: House, store: Store) -> None:
    await house.hear(1, "a", "b", groupKey="one")
    await house.hear(2, "c", groupKey="two")
    await house.hear(3, "d", groupKey="three")
    await house.hear(50, over=["d"], groupKey="three")
    await house.hear(55, "a", over=["b"], groupKey="one")
    await house.tick(59)
    assert await told(store) == []
    await house.tick(60)
    assert sorted(house.woken) == ["mail", "ops"]
    (said,) = await told(store)
    assert names(said) == ["a firing", "c firing"]
    assert said.act is not None
    assert (said.act.verb, said.act.who) == ("maintenance-over", "move")
    await house.tick(61)
    await House(store, [window()]).tick(62)
    assert await told(store) == []
    assert len(await told(store, "mail")) == 1
    assert await store.open_incidents() == 2
    every = await store.incidents.find(Wanted(), at(62))
    assert [each.group_key for each in every] == ["three", "two", "one"]  # none for the message
    await house.hear(70, over=["a"], groupKey="one")
    assert [names(each) for each in await told(store)] == [["a resolved"]]


async def test_nothing_is_said_where_nothing_fires_any_longer(house: House, store: Store) -> None:
    await house.hear(1, "a")
    await house.hear(50, over=["a"])
    await house.tick(60)
    assert await told(store) == []
    assert await store.keeping.reasons() == []


async def test_whoever_was_told_of_an_alert_hears_that_it_is_over_while_the_window_is_open(
    house: House, store: Store
) -> None:
    await house.hear(-10, "a", "b")
    await told(store)
    assert await house.hear(5, "a", "b", "c") == "maintenance"
    await house.hear(10, "b", "c", over=["a"])
    assert [names(each) for each in await told(store)] == [["a resolved"]]
    assert await house.hear(15, "b", over=["c"]) == "maintenance"  # of which nobody was told
    await house.tick(60)
    assert [names(each) for each in await told(store)] == [["b firing"]]


async def test_of_a_group_that_is_covered_in_part_the_rest_is_told(
    house: House, store: Store
) -> None:
    house.windows = [window(matchers=['instance="a"'])]
    assert await house.hear(1, "a") == "maintenance"
    await house.hear(2, "a", "b")
    assert [names(each) for each in await told(store)] == [["b firing"]]
    assert await house.hear(8, "a", "b") == ""  # a reminder of what is not covered
    assert [names(each) for each in await told(store)] == [["b firing"]]
    await house.tick(60)
    assert [names(each) for each in await told(store)] == [["a firing"]]


async def test_what_comes_between_the_end_and_the_message_is_not_told_twice(
    house: House, store: Store
) -> None:
    await house.hear(1, "a")
    assert await house.hear(60, "a") == ""
    await house.tick(60)
    assert [names(each) for each in await told(store)] == [["a firing"]]


async def test_where_one_window_follows_another_the_last_one_tells(
    house: House, store: Store
) -> None:
    second = window(name="reboot", start=at(30), duration="60m")
    house.windows = [window(), second]
    await house.hear(1, "a")
    await house.tick(60)
    assert await told(store) == []
    await house.tick(90)
    (said,) = await told(store)
    assert said.act is not None
    assert said.act.who == "reboot"


async def test_a_window_that_is_taken_away_is_over(house: House, store: Store) -> None:
    await house.hear(1, "a")
    house.windows = []
    await house.tick(2)
    assert [names(each) for each in await told(store)] == [["a firing"]]


async def test_a_channel_that_takes_one_incident_at_a_time_gets_each_for_itself(
    house: House, store: Store
) -> None:
    house.deaf = frozenset({"ops"})
    for name in "abc":
        await house.hear(1, name, groupKey=name)
    await house.tick(60)
    assert [names(each) for each in await told(store)] == [["a firing"], ["b firing"], ["c firing"]]
    assert len(await told(store, "mail")) == 1
    assert await house.hear(61, "a", groupKey="a") == "duplicate"


async def test_what_somebody_did_meanwhile_is_not_told_again(house: House, store: Store) -> None:
    house.deaf = frozenset({"ops"})
    await house.hear(1, "a")
    done = {"verb": "acknowledge", "who": "Ada", "at": at(2).isoformat()}
    assert await house.hear(2, "a", tocsin=done) == "maintenance"
    await house.tick(60)
    (said,) = await told(store)
    assert (names(said), said.act) == (["a firing"], None)


async def test_each_channel_is_told_what_its_routes_name(store: Store) -> None:
    routes = (
        Route.model_validate({"match": ['instance="a"'], "channels": ["ops"], "continue": True}),
        Route(channels=("mail",)),
    )
    house = House(store, [window()], routes)
    await house.hear(1, "a", groupKey="one")
    await house.hear(1, "b", groupKey="two")
    await house.tick(60)
    assert [names(each) for each in await told(store)] == [["a firing"]]
    assert [names(each) for each in await told(store, "mail")] == [["a firing", "b firing"]]


async def test_a_restart_at_any_step_neither_loses_nor_repeats_the_message(
    tmp_path: Path,
) -> None:
    path = tmp_path / "tocsin.db"
    for step in range(3):
        store = await Store.open(path, parse)
        house = House(store, [window()])
        if step == 0:
            await house.hear(1, "a")
        await house.tick((2, 61, 62)[step])
        await store.close()
    store = await Store.open(path, parse)
    assert [names(each) for each in await told(store)] == [["a firing"]]
    await store.close()


async def test_a_clock_that_is_set_back_into_the_window_repeats_nothing(
    house: House, store: Store
) -> None:
    await house.hear(1, "a")
    await house.tick(60)
    assert len(await told(store)) == 1
    await house.tick(30)
    await house.tick(60)
    assert await told(store) == []


async def test_windows_are_shown_as_open_or_planned(house: House) -> None:
    house.windows = [window(), window(name="later", start=at(100))]
    await house.tick(1)
    read = house.numbers.registry.get_sample_value
    assert read("tocsin_maintenance_active", {"name": "move"}) == 1
    assert read("tocsin_maintenance_active", {"name": "later"}) == 0
    house.windows = []
    await house.tick(2)
    assert read("tocsin_maintenance_active", {"name": "move"}) is None
