from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from receiver.incidents.oncall.schedule import Schedule, on_call, shifts
from receiver.incidents.oncall.shifts import Shift
from tests.receiver.incidents.oncall.schedules import PEOPLE, WEEKLY, at, said, schedule

BERLIN, SHANGHAI, NEW_YORK = "Europe/Berlin", "Asia/Shanghai", "America/New_York"


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, "2026-03-23", 167),
        (BERLIN, "2026-10-19", 169),
        (NEW_YORK, "2026-03-02", 167),
        (NEW_YORK, "2026-10-26", 169),
        (SHANGHAI, "2026-03-23", 168),
    ],
)
def test_a_weekly_turn_ends_at_the_hour_of_its_start_however_long_the_week_is(
    zone: str, day: str, hours: int
) -> None:
    begins = at(f"{day} 09:00", zone)
    found = on_call(schedule(zone=zone), begins)
    assert found is not None
    assert found.since == begins
    ends = found.until.astimezone(ZoneInfo(zone))
    assert (ends.hour, ends.minute) == (9, 0)
    assert found.until - found.since == timedelta(hours=hours)


def test_people_take_turns_in_their_order_and_begin_again() -> None:
    told = shifts(schedule(WEEKLY | {"people": PEOPLE}), at("2026-01-05"), at("2026-01-27"))
    assert [said(each) for each in told] == [
        "nobody 01-05 00:00 01-05 09:00 gap",
        "ada 01-05 09:00 01-12 09:00 layer1",
        "bob 01-12 09:00 01-19 09:00 layer1",
        "eve 01-19 09:00 01-26 09:00 layer1",
        "ada 01-26 09:00 02-02 09:00 layer1",
    ]


def test_turns_of_half_a_day_keep_their_hours_when_clocks_are_set_forward_and_back() -> None:
    half = WEEKLY | {"turn": "12h", "start": "2026-01-05 02:30"}
    told = shifts(schedule(half), at("2026-03-28 15:00"), at("2026-03-29 20:00"))
    assert [said(each) for each in told] == [
        "bob 03-28 14:30 03-29 03:30 layer1",  # there is no 02:30
        "ada 03-29 03:30 03-29 14:30 layer1",
        "bob 03-29 14:30 03-30 02:30 layer1",
    ]
    told = shifts(schedule(half), at("2026-10-24 15:00"), at("2026-10-25 14:00"))
    assert [said(each) for each in told] == [
        "bob 10-24 14:30 10-25 02:30 layer1",
        "ada 10-25 02:30 10-25 14:30 layer1",
    ]
    assert told[0].until == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first of two 02:30
    assert told[1].until - told[1].since == timedelta(hours=13)


def test_what_a_layer_leaves_open_the_next_one_fills() -> None:
    office = WEEKLY | {"only": ["Mon-Fri 09:00-18:00"]}
    rest = {"people": ["eve"], "start": "2026-01-01", "turn": "4w"}
    told = shifts(schedule(office, rest), at("2026-01-09 12:00"), at("2026-01-12 12:00"))
    assert [said(each) for each in told] == [
        "ada 01-09 09:00 01-09 18:00 layer1",
        "eve 01-09 18:00 01-12 09:00 layer2",
        "bob 01-12 09:00 01-12 18:00 layer1",
    ]


def test_hours_may_go_over_midnight_and_over_the_end_of_the_week() -> None:
    nights = WEEKLY | {"only": ["Sun-Mon 22:00-06:00", "Sat"]}
    told = shifts(schedule(nights), at("2026-01-10 12:00"), at("2026-01-14 00:00"))
    assert [said(each) for each in told] == [
        "ada 01-10 00:00 01-11 00:00 layer1",
        "nobody 01-11 00:00 01-11 22:00 gap",
        "ada 01-11 22:00 01-12 06:00 layer1",
        "nobody 01-12 06:00 01-12 22:00 gap",
        "bob 01-12 22:00 01-13 06:00 layer1",
        "nobody 01-13 06:00 01-14 00:00 gap",
    ]
    assert on_call(schedule(nights), at("2026-01-12 06:00")) is None


def test_hours_that_touch_are_one_shift_which_a_hand_over_parts() -> None:
    whole = WEEKLY | {"only": ["Mon-Fri 18:00-24:00", "00:00-18:00"], "turn": "1d"}
    told = shifts(schedule(whole), at("2026-01-06 10:00"), at("2026-01-07 10:00"))
    assert [said(each) for each in told] == [
        "bob 01-06 09:00 01-07 09:00 layer1",
        "ada 01-07 09:00 01-08 09:00 layer1",
    ]


def test_an_override_comes_before_all_and_the_later_one_before_the_earlier() -> None:
    long = {"person": "bob", "from": "2026-01-06 08:00", "until": "2026-01-07 08:00"}
    short = {"person": "eve", "from": "2026-01-06T12:00:00+01:00", "until": "2026-01-06 14:00"}
    kept = Shift("ada", at("2026-01-06 13:00"), at("2026-01-06 13:30"), "override", 7)
    plan = schedule(overrides=[long, short])
    told = shifts(plan, at("2026-01-06"), at("2026-01-08"), [kept])
    assert [said(each) for each in told] == [
        "ada 01-05 09:00 01-06 08:00 layer1",
        "bob 01-06 08:00 01-06 12:00 override",
        "eve 01-06 12:00 01-06 13:00 override",
        "ada 01-06 13:00 01-06 13:30 override7",
        "eve 01-06 13:30 01-06 14:00 override",
        "bob 01-06 14:00 01-07 08:00 override",
        "ada 01-07 08:00 01-12 09:00 layer1",
    ]


HOURS = st.sampled_from(
    ["Mon-Fri 09:00-18:00", "Fri-Mon 22:00-06:00", "Sat,Sun", "02:00-03:00", "01:30-02:30"]
)
LAYERS = st.fixed_dictionaries(
    {
        "people": st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4),
        "start": st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 1)),  # noqa: DTZ001 -- a wall clock's
        "turn": st.sampled_from(["1h", "12h", "1d", "36h", "1w"]),
        "only": st.lists(HOURS, max_size=2),
    }
)
# Around the hours at which clocks are set there, and at other times.
TIMES = st.sampled_from(["2026-03-29 00:30", "2026-10-25 00:30", "2026-03-08 06:30"]).flatmap(
    lambda text: st.timedeltas(timedelta(days=-3), timedelta(days=3)).map(
        lambda off: datetime.fromisoformat(text).replace(tzinfo=UTC) + off
    )
)
OVERRIDES = st.builds(
    lambda person, since, lasting, number: Shift(
        person, since, since + lasting, "override", number
    ),
    *(st.sampled_from(PEOPLE), TIMES),
    *(st.timedeltas(timedelta(seconds=1), timedelta(days=2)), st.integers(1, 9)),
)


@settings(max_examples=60, deadline=None)
@given(
    layers=st.lists(LAYERS, min_size=1, max_size=3),
    zone=st.sampled_from([BERLIN, SHANGHAI, NEW_YORK, "Australia/Lord_Howe"]),
    overrides=st.lists(OVERRIDES, max_size=3),
    start=TIMES,
    lasting=st.timedeltas(timedelta(minutes=1), timedelta(days=2)),
    where=st.floats(0, 1),
)
def test_shifts_tile_the_time_and_whoever_is_on_call_has_the_one_that_holds_the_moment(
    layers: list[dict[str, Any]],
    zone: str,
    overrides: list[Shift],
    start: datetime,
    lasting: timedelta,
    where: float,
) -> None:
    plan, end = schedule(*layers, zone=zone), start + lasting
    told = shifts(plan, start, end, overrides)
    assert told[0].since <= start
    assert told[-1].until >= end
    assert all(shift.since < shift.until for shift in told)
    assert all(before.until == after.since for before, after in pairwise(told))
    moment = start + min(where * lasting, lasting - timedelta(microseconds=1))
    holds = next(shift for shift in told if shift.covers(moment))
    assert on_call(plan, moment, overrides) == (None if holds.why == "gap" else holds)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"only": ["Mon-Fri 9-18"]}, "write them like Mon-Fri 09:00-18:00"),
        ({"only": ["Mo 09:00-18:00"]}, "write them like Mon-Fri 09:00-18:00"),
        ({"only": ["Mon- 09:00-18:00"]}, "write them like Mon-Fri 09:00-18:00"),
        ({"only": [""]}, "write them like Mon-Fri 09:00-18:00"),
        ({"turn": "5m"}, "write it like 1w, 1d or 12h"),
        ({"start": "monday"}, "write it like 2026-01-05 09:00"),
        ({"start": "2026-01-05 09:00+01:00"}, "leave it away"),
        ({"start": "1926-01-05 09:00"}, "not a year of this century"),
        ({"people": ["ada", "ghost"]}, "no person is 'ghost'; there are ada, bob, eve"),
        ({"people": []}, "write at least one"),
    ],
)
def test_what_is_wrong_with_a_layer_is_said_with_what_to_write(
    change: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        schedule(WEEKLY | change)
    assert said in str(caught.value)


def test_an_override_that_ends_before_it_begins_is_refused() -> None:
    back = {"person": "ada", "from": "2026-01-06 09:00", "until": "2026-01-06 08:00"}
    with pytest.raises(ValidationError, match="exchange them"):
        schedule(overrides=[back])


def test_a_schedule_is_written_as_it_is_read() -> None:
    plan = schedule(WEEKLY | {"turn": "12h", "only": ["Sat,Sun"]})
    written = plan.model_dump(mode="json", by_alias=True)
    assert written["layers"][0]["only"] == ["Sat,Sun"]
    assert written["layers"][0]["turn"] == "12h"
    assert Schedule.model_validate(written, context={"people": PEOPLE}) == plan
