from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from receiver.incidents.quiet.hours import Interval
from receiver.incidents.quiet.keeping import Habits
from receiver.messages.route import Route
from receiver.store.store import Store
from tests.receiver.incidents.quiet.kit import (
    House,
    at,
    names,
    suppressed,
    told,
    window,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOON = [{"start_time": "12:00", "end_time": "13:00"}]  # from START for an hour


def interval(**said: Any) -> Interval:
    return Interval.model_validate({"location": "Europe/Berlin", **said})


@pytest.mark.parametrize(
    ("said", "within", "without"),
    [
        ({"times": NOON}, "2026-11-23 12:59", "2026-11-23 13:00"),
        ({"times": [{"start_time": 1320, "end_time": "24:00"}]}, "2026-11-23 22:00", "2026-11-24"),
        ({"weekdays": ["monday:friday"]}, "2026-11-27 23:59", "2026-11-28 00:00"),
        ({"weekdays": ["Saturday", "sunday"]}, "2026-11-29", "2026-11-30"),
        ({"days_of_month": ["1:5"]}, "2026-11-05", "2026-11-06"),
        ({"days_of_month": ["-3:-1"]}, "2026-02-26", "2026-02-25"),
        ({"days_of_month": ["29:-1"]}, "2026-11-30", "2026-11-28"),
        ({"months": ["december", "1:2"]}, "2027-02-28", "2027-03-01"),
        ({"years": ["2026:2027"]}, "2027-12-31", "2028-01-01"),
        ({"weekdays": ["monday"], "times": NOON}, "2026-11-23 12:30", "2026-11-24 12:30"),
    ],
)
def test_hours_are_those_that_alertmanager_would_mean(
    said: dict[str, Any], within: str, without: str
) -> None:
    assert interval(**said).covers(datetime.fromisoformat(within).replace(tzinfo=BERLIN))
    assert not interval(**said).covers(datetime.fromisoformat(without).replace(tzinfo=BERLIN))


def test_hours_go_by_the_clock_on_the_wall_also_after_clocks_were_set() -> None:
    night = interval(times=[{"start_time": "00:00", "end_time": "06:00"}])
    for day in ("2026-03-29", "2026-10-25"):
        end = datetime.fromisoformat(f"{day} 06:00").replace(tzinfo=BERLIN)
        assert night.covers((end - timedelta(minutes=1)).astimezone(ZoneInfo("UTC")))
        assert not night.covers(end.astimezone(ZoneInfo("UTC")))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"times": [{"start_time": "22:00", "end_time": "06:00"}]}, "for a night write two"),
        ({"times": [{"start_time": "9:00", "end_time": "18:00"}]}, "not a time of day"),
        ({"weekdays": ["mon"]}, "not days of the week"),
        ({"weekdays": ["friday:monday"]}, "write two ranges"),
        ({"days_of_month": ["0:3"]}, "no day 0"),
        ({"days_of_month": ["5:1"]}, "write two ranges"),
        ({"months": ["smarch"]}, "cannot be read"),
        ({"months": [13]}, "cannot be read"),
        ({"location": "Berlin"}, "not a time zone"),
    ],
)
def test_hours_that_cannot_be_meant_are_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        interval(**said)


@pytest.fixture
def house(store: Store) -> House:
    return House(store, hours={"noon": [Interval.model_validate({"times": NOON})]})


WARNING = {"severity": "warning"}


async def test_a_channel_is_told_nothing_in_its_muted_hours_and_at_their_end_what_still_fires(
    house: House, store: Store
) -> None:
    house.habits = {"ops": Habits(mute_times=("noon",))}
    assert await house.hear(1, "a", "b", groupKey="one") == "muted"
    await house.hear(2, "c", groupKey="two")
    await house.hear(50, over=["c"], groupKey="two")
    assert await suppressed(store) == [("ops", "muted", "noon")] * 3
    assert len(await told(store, "mail")) == 3
    await house.tick(59)
    assert await told(store) == []
    await house.tick(60)
    (said,) = await told(store)
    assert names(said) == ["a firing", "b firing"]
    assert said.act is not None
    assert (said.act.verb, said.act.who) == ("muted-over", "noon")
    await house.tick(61)
    assert await told(store) == []
    assert await told(store, "mail") == []


async def test_quiet_hours_hold_back_what_is_not_critical_and_nothing_else(
    house: House, store: Store
) -> None:
    house.habits = {"ops": Habits(quiet_hours=("noon",))}
    assert await house.hear(1, "a", groupKey="a", labels=WARNING) == "quiet-hours"
    assert await house.hear(1, "b", groupKey="b") == ""
    assert await house.hear(2, over=["b"], groupKey="b") == ""
    assert [names(each) for each in await told(store)] == [["b firing"], ["b resolved"]]
    await house.tick(60)
    (said,) = await told(store)
    assert names(said) == ["a firing"]


async def test_whoever_heard_of_an_alert_before_the_hours_hears_at_their_end_that_it_is_over(
    house: House, store: Store
) -> None:
    house.habits = {"ops": Habits(quiet_hours=("noon",))}
    await house.hear(-5, "a", labels=WARNING)
    await told(store)
    assert await house.hear(30, over=["a"], labels=WARNING) == "quiet-hours"
    await house.tick(60)
    (said,) = await told(store)
    assert names(said) == ["a resolved"]
    assert said.status == "resolved"


async def test_a_pager_hears_of_each_incident_for_itself_also_that_it_is_over(
    house: House, store: Store
) -> None:
    house.habits, house.deaf = {"ops": Habits(mute_times=("noon",))}, frozenset({"ops"})
    await house.hear(-5, "a", groupKey="a")
    await told(store)
    await house.hear(30, over=["a"], groupKey="a")
    await house.hear(30, "b", groupKey="b")
    await house.tick(60)
    said = await told(store)
    assert [(each.group_key, *names(each)) for each in said] == [
        ("a", "a resolved"),
        ("b", "b firing"),
    ]
    assert [each.act for each in said] == [None, None]


async def test_a_muted_route_leaves_the_other_ways_to_a_channel_open(store: Store) -> None:
    muted = {"channels": ["ops", "mail"], "mute_times": ["noon"], "continue": True}
    routes = (Route.model_validate(muted), Route(channels=("ops",)))
    hours = {"noon": [Interval.model_validate({"times": NOON})]}
    house = House(store, routes=routes, hours=hours)
    assert await house.hear(1, "a") == "muted"
    assert [names(each) for each in await told(store)] == [["a firing"]]
    assert await told(store, "mail") == []
    await house.tick(60)
    assert [names(each) for each in await told(store, "mail")] == [["a firing"]]
    assert await told(store) == []


async def test_one_alert_that_a_channel_may_hear_brings_the_group(store: Store) -> None:
    hours = {"noon": [Interval.model_validate({"times": NOON})]}
    house = House(store, hours=hours, habits={"ops": Habits(quiet_hours=("noon",))})
    await house.hear(1, "a", labels=WARNING)
    await house.hear(2, "b")
    assert len(await told(store)) == 1


async def test_of_a_window_and_hours_that_end_together_each_alert_is_told_once(
    house: House, store: Store
) -> None:
    house.habits = {"ops": Habits(mute_times=("noon",))}
    house.windows = [window()]
    await house.hear(1, "a", groupKey="a")
    house.windows = []
    await house.hear(2, "b", groupKey="b")
    house.windows = [window()]
    await house.tick(60)
    assert sorted(name for each in await told(store) for name in names(each)) == [
        "a firing",
        "b firing",
    ]


async def test_where_the_window_ends_within_the_hours_their_end_tells(
    house: House, store: Store
) -> None:
    house.habits = {"ops": Habits(mute_times=("noon",))}
    house.windows = [window(30)]
    assert await house.hear(1, "a") == "maintenance"
    await house.tick(30)
    assert await told(store) == []
    assert len(await told(store, "mail")) == 1
    await house.tick(60)
    (said,) = await told(store)
    assert said.act is not None
    assert said.act.verb == "muted-over"
    assert at(60) <= said.act.at
