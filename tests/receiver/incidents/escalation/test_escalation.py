"""Each step is told once, in its time, until somebody takes the incident."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from receiver.incidents.lives import Lives
from receiver.intake.ingest import Ears, Intake
from receiver.intake.webhook import parse
from receiver.messages.route import Route
from receiver.store.store import Store
from tests.fakes.postgres import Postgres
from tests.receiver.incidents.escalation.kit import House, minute, policy, schedule, told
from tests.receiver.incidents.quiet.kit import window
from tests.receiver.webhooks import START, alert, body

ALL = [("duty", 5, "王庆"), ("phone", 15, "Eve"), ("managers", 30, "managers")]


async def test_steps_come_one_after_the_other_and_then_nobody_is_left(store: Store) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 40)
    assert await told(store) == ALL
    assert house.woken == ["duty", "phone", "managers"]
    assert await house.counted("escalations_total", policy="urgent") == 3
    assert await house.counted("escalations_exhausted") == 1


async def test_all_steps_come_again_after_the_wait(store: Store) -> None:
    house = House(store, {"urgent": policy(repeat=1, wait="20m")})
    await house.hear(0)
    await house.pass_by(0, 120)
    assert await told(store) == [*ALL, *((c, at + 50, who) for c, at, who in ALL)]


@pytest.mark.parametrize("at", [5, 15, 30])
async def test_a_restart_at_any_step_tells_none_twice_and_leaves_none_out(
    tmp_path: Path, at: float
) -> None:
    path = tmp_path / "tocsin.db"
    first = await Store.open(path, parse)
    house = House(first)
    await house.hear(0)
    await house.pass_by(0, at)
    await first.close()
    second = await Store.open(path, parse)
    await House(second).pass_by(at, 40)
    assert await told(second) == ALL
    await second.close()


async def test_what_is_opened_again_is_asked_about_from_the_start_whoever_had_it(
    store: Store,
) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 6)
    await house.take(7, until=200)
    await house.hear(10, "resolved")
    await house.pass_by(7, 11)
    await house.hear(12, began=12)
    await house.pass_by(12, 60)
    assert await told(store) == [ALL[0], *((c, at + 12, who) for c, at, who in ALL)]


async def test_of_several_groups_that_are_one_incident_one_is_asked_about_the_most_urgent(
    store: Store,
) -> None:
    policies = {
        "urgent": policy(match=['severity="critical"']),
        "calm": policy({"after": "1h", "channel": "managers"}),
    }
    house = House(store, policies, lives=Lives.model_validate({"join": [{"by": ["instance"]}]}))
    await house.hear(0, severity="warning")
    await house.pass_by(0, 3)
    await house.hear(4, group="other", severity="critical")
    await house.pass_by(4, 10)
    await house.hear(11, "resolved", severity="warning")
    await house.pass_by(11, 20)
    await house.hear(21, "resolved", group="other")
    await house.pass_by(21, 60)
    assert await told(store) == [("duty", 9, "王庆"), ("phone", 19, "Eve")]
    found = await store.incidents.look_up(1, minute(60))
    assert found is not None
    assert (found.state, len(found.members)) == ("resolved", 1)


async def test_after_an_outage_the_newest_step_that_is_due_is_told(store: Store) -> None:
    house = House(store)
    await house.hear(0)
    await house.tick(0)
    await House(store).pass_by(17, 40)
    assert await told(store) == [("phone", 17, "Eve"), ALL[2]]


async def test_who_took_it_is_left_alone_until_that_ends_and_then_it_starts_again(
    store: Store,
) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 7)
    await house.take(7, until=60)
    await house.pass_by(7, 100)
    assert await told(store) == [ALL[0], *((c, at + 60, who) for c, at, who in ALL)]


async def test_an_end_that_nobody_watched_starts_it_again_too(store: Store) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 6)
    await house.take(7, until=60)
    await House(store).tick(66)
    assert await told(store) == [ALL[0], ("duty", 66, "王庆")]


async def test_an_acknowledgement_that_ended_stays_ended_though_the_clock_is_set_back(
    store: Store,
) -> None:
    house = House(store)
    await house.hear(0)
    await house.take(1, until=30)
    await house.pass_by(0, 36)
    await house.pass_by(0, 36)
    assert [at for _, at, _ in await told(store)] == [35, 9, 24]


async def test_what_is_over_asks_nobody(store: Store) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 7)
    await house.hear(8, "resolved")
    await house.pass_by(8, 60)
    assert await told(store) == ALL[:1]
    assert await house.counted("escalations_exhausted") == 0


async def test_what_is_silenced_asks_nobody_until_it_is_loud_again(store: Store) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 7)
    await house.hush()
    await house.pass_by(8, 60)
    await house.hush(hushed=False)
    await house.pass_by(61, 70)
    assert await told(store) == [ALL[0], ("duty", 66, "王庆")]


async def test_what_is_in_maintenance_asks_nobody_until_that_ends(store: Store) -> None:
    house = House(store)
    await house.hear(0, service="db")
    house.windows = [window(60)]
    await house.pass_by(0, 70)
    assert await told(store) == [("duty", 65, "王庆")]


async def test_the_clock_set_forward_and_back_tells_no_step_twice(store: Store) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 6)
    await house.pass_by(66, 70)  # the last that is due by that clock
    await house.pass_by(11, 60)
    assert await told(store) == [ALL[0], ("managers", 66, "managers")]


@pytest.mark.parametrize("back", [8, 60, 60 * 24 * 400])
@pytest.mark.parametrize("restarts", [False, True])
async def test_the_clock_set_back_delays_by_no_more_than_a_look(
    store: Store, back: int, *, restarts: bool
) -> None:
    """It is looked each minute, and after 12 of them the clock goes back, before a step is due."""
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 12)
    if restarts:
        house = House(store)
    await house.pass_by(13 - back, 40 - back)
    assert [at for _, at, _ in await told(store)] == [5, 16 - back, 31 - back]


async def test_receivers_that_see_the_clock_set_back_together_reckon_with_it_once(
    postgres_server: Postgres,
) -> None:
    database = postgres_server.database()
    async with AsyncExitStack() as stack:
        stores = [await Store.open(database, parse, patience=5) for _ in range(2)]
        for each in stores:
            stack.push_async_callback(each.close)
        houses = [House(each) for each in stores]
        await houses[0].hear(0)
        for at in (0, 5, 12, -47, -45, -44, -31, -30, -29):
            await asyncio.gather(*(house.tick(at) for house in houses))
        assert [at for _, at, _ in await told(stores[0])] == [5, -44, -29]


async def test_whom_an_escalation_called_hears_the_end_of_what_no_route_takes(
    store: Store,
) -> None:
    house = House(store)
    routes = (Route(channels=("ops",), match=('severity="info"',)),)
    ears = Ears(stand_ins=("duty", "phone"))
    intake = Intake(store, routes, house.numbers, lambda _: None, ears)
    begun = await intake.accept(body([alert("a")]), minute(0))
    await house.pass_by(0, 6)
    again = await intake.accept(body([alert("a")]), minute(7))
    taken = {"verb": "acknowledge", "who": "Ada", "at": minute(7).isoformat()}
    first = await intake.accept(body([alert("a")], tocsin=taken), minute(7))
    last = await intake.accept(body([alert("a", "resolved")]), minute(8))
    late = await intake.accept(body([alert("a", "resolved")]), minute(9))
    assert [each.told for each in (begun, again)] == [(), ()]
    assert (first.told, last.told) == (("duty",), ("duty",))
    assert [each.reason for each in (begun, again, first, last)] == ["no_route", "no_route", "", ""]
    assert (late.told, late.reason) == ((), "duplicate")


async def test_of_what_no_route_takes_and_nobody_was_called_for_nobody_hears(store: Store) -> None:
    house = House(store)
    ears = Ears(stand_ins=("duty",))
    intake = Intake(store, (), house.numbers, lambda _: None, ears)
    for status in ("firing", "resolved"):
        decision = await intake.accept(body([alert("a", status)]), minute(0))
        assert (decision.told, decision.reason) == ((), "no_route")


async def test_where_nobody_is_on_call_the_fallback_hears_that(store: Store) -> None:
    never = schedule(layers=[{"people": ["ada"], "start": "2027-01-01"}])
    house = House(store, schedules={"ops": never})
    await house.hear(0)
    await house.pass_by(0, 6)
    assert await told(store) == [("managers", 5, "managers")]
    said = parse((await store.told_of(1))[0]).act
    assert said
    assert said.detail == "ops"
    assert await house.counted("escalations_nobody_total", schedule="ops") == 1


async def test_without_a_fallback_the_next_step_comes_at_once(store: Store) -> None:
    never = schedule(layers=[{"people": ["ada"], "start": "2027-01-01"}])
    steps = ({"after": "5m", "schedule": "ops"}, {"after": "10m", "person": "eve"})
    house = House(store, {"urgent": policy(*steps)}, {"ops": never})
    await house.hear(0)
    await house.pass_by(0, 60)
    assert await told(store) == [("phone", 5, "Eve")]


async def test_the_first_policy_that_matches_holds_and_an_earlier_one_takes_over(
    store: Store,
) -> None:
    calm = policy({"after": "5m", "channel": "duty"})
    urgent = policy({"after": "2m", "channel": "managers"}, match=['severity="critical"'])
    house = House(store, {"urgent": urgent, "calm": calm})
    await house.hear(0, severity="warning")
    await house.pass_by(0, 10)
    raw = (await store.told_of(1))[-1].replace(b'"warning"', b'"critical"')
    await house.intake.accept(raw, minute(11))
    await house.pass_by(11, 20)
    assert await told(store) == [("duty", 5, "duty"), ("managers", 13, "managers")]


async def test_what_was_open_long_before_there_was_a_policy_begins_then(store: Store) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(600, 606)
    assert await told(store) == [("duty", 605, "王庆")]


@pytest.mark.parametrize(
    ("zone", "opened"),
    [("Europe/Berlin", "2026-10-25T00:30+00:00"), ("Europe/Berlin", "2026-03-29T00:30+00:00")],
)
async def test_waits_are_true_minutes_in_the_night_in_which_clocks_are_set(
    store: Store, zone: str, opened: str
) -> None:
    """And who is on call is by the wall clock: 02:30 comes twice in autumn, never in spring."""
    opens = datetime.fromisoformat(opened)
    turns = {"people": ["bob", "ada"], "start": f"{opens:%Y-%m-%d} 03:00", "turn": "1d"}
    night = {"people": ["eve"], "start": "2026-01-01", "only": ["00:00-03:00"]}
    plan = schedule(layers=[night, turns], timezone=zone)
    steps = ({"after": "10m", "schedule": "ops"},) * 12
    house = House(store, {"urgent": policy(*steps)}, {"ops": plan})
    at = (opens - START) / timedelta(minutes=1)
    await house.hear(at)
    await house.pass_by(at, at + 125, 5)
    said = await told(store)
    assert [when - at for _, when, _ in said] == [*range(10, 121, 10)]
    hands_over = opens.replace(hour=2 if opens.month == 10 else 1, minute=0)
    people = ["Eve" if minute(when) < hands_over else "王庆" for _, when, _ in said]
    assert [who for _, _, who in said] == people
    assert {*people} == {"Eve", "王庆"}


async def test_who_was_asked_hears_who_took_it_and_that_it_is_over(store: Store) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 6)
    ears = Ears(stand_ins=("duty", "phone"))
    intake = Intake(store, house.intake.routes, house.numbers, lambda _: None, ears)
    taken = {"verb": "acknowledge", "who": "Ada", "at": minute(7).isoformat()}
    first = await intake.accept(body([alert("a")], tocsin=taken), minute(7))
    last = await intake.accept(body([alert("a", "resolved")]), minute(8))
    assert (first.told, last.told) == (("ops", "duty"), ("ops", "duty"))


async def test_two_receivers_that_share_a_database_tell_each_step_once(
    postgres_server: Postgres,
) -> None:
    database = postgres_server.database()
    async with AsyncExitStack() as stack:
        stores = [await Store.open(database, parse, patience=5) for _ in range(2)]
        for each in stores:
            stack.push_async_callback(each.close)
        houses = [House(each) for each in stores]
        await houses[0].hear(0)
        for at in (0, 5, 15, 30, 31):
            await asyncio.gather(*(house.tick(at) for house in houses * 2))
        assert await told(stores[1]) == ALL
        total = [await house.counted("escalations_total", policy="urgent") for house in houses]
        assert sum(total) == 3


async def test_the_timeline_shows_each_step(store: Store) -> None:
    house = House(store)
    await house.hear(0)
    await house.pass_by(0, 40)
    events = [each for each in await store.incidents.timeline(1) if each.what == "escalate"]
    assert [(each.at, each.reason) for each in events] == [
        (minute(5), "urgent: step 1 of 3, round 1: 王庆 by duty is asked"),
        (minute(15), "urgent: step 2 of 3, round 1: Eve by phone is asked"),
        (minute(30), "urgent: step 3 of 3, round 1: managers is asked"),
    ]
