from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from receiver.incidents.quiet.windows import Window, covering

HOUR = timedelta(hours=1)
DB = {"service": "db"}
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai", "UTC")


def window(start: str = "2026-11-29 22:00", **changes: Any) -> Window:
    length = {} if "end" in changes else {"duration": "8h"}
    said = {"name": "move", "matchers": ['service="db"'], "start": start, **length}
    return Window.model_validate({**said, "timezone": "Europe/Berlin", **changes})


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("at", "found"),
    [("21:59", False), ("22:00", True), ("2026-11-30 05:59", True), ("2026-11-30 06:00", False)],
)
def test_a_window_covers_from_its_start_until_its_end(at: str, *, found: bool) -> None:
    at = at if len(at) > 5 else f"2026-11-29 {at}"
    for each in (window(), window(end="2026-11-30 06:00"), window("2026-11-29 21:00+00:00")):
        assert (covering([each], DB, berlin(at)) is each) is found
        assert covering([each], {"service": "web"}, berlin(at)) is None


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY;BYDAY=SU", ["2026-11-29", "2026-12-06", "2026-12-13"]),
        ("RRULE:FREQ=MONTHLY;BYDAY=1MO", ["2026-12-07"]),
        ("FREQ=DAILY;INTERVAL=10", ["2026-11-29", "2026-12-09"]),
        ("FREQ=DAILY;COUNT=2", ["2026-11-29", "2026-11-30"]),
        ("FREQ=DAILY;UNTIL=20261130T220000Z", ["2026-11-29", "2026-11-30"]),
        ("FREQ=DAILY;UNTIL=20261201T220000", ["2026-11-29", "2026-11-30", "2026-12-01"]),
        ("", ["2026-11-29"]),
    ],
)
def test_a_window_comes_again_when_its_rule_says(rule: str, days: list[str]) -> None:
    each = window(rrule=rule)
    noon = [berlin("2026-11-15 23:00") + n * 24 * HOUR for n in range(29)]
    assert [f"{at:%Y-%m-%d}" for at in noon if covering([each], DB, at)] == days


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-11-28", 8)]
)
def test_a_night_ends_by_the_clock_on_the_wall_also_when_clocks_are_set(
    night: str, hours: int
) -> None:
    spell = window(start="2026-01-01 22:00", rrule="FREQ=DAILY").spell(berlin(f"{night} 23:30"))
    assert spell.is_open
    assert spell.begins == berlin(f"{night} 22:00")
    assert spell.ends.astimezone(ZoneInfo("Europe/Berlin")).hour == 6
    assert spell.ends - spell.begins == hours * HOUR


def test_a_window_within_the_hour_that_clocks_skip_comes_an_hour_later() -> None:
    each = window(start="2026-03-01 02:15", duration="30m", rrule="FREQ=DAILY")
    spell = each.spell(datetime(2026, 3, 29, 1, 20, tzinfo=UTC))
    assert spell.is_open
    assert spell.ends - spell.begins == HOUR / 2
    assert f"{spell.begins.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" == "03:15"


@given(
    zone=st.sampled_from(ZONES),
    minute=st.integers(0, 24 * 60 - 1),
    length=st.integers(1, 36 * 60),
    day=st.dates(datetime(2026, 1, 3).date(), datetime(2027, 12, 31).date()),  # noqa: DTZ001 -- a day
    offsets=st.lists(st.integers(-48 * 60, 48 * 60), min_size=1, max_size=8),
)
def test_whatever_order_it_is_asked_in_a_daily_window_is_open_where_the_wall_clock_says(
    zone: str, minute: int, length: int, day: Any, offsets: list[int]
) -> None:
    start = datetime(2026, 1, 1) + timedelta(minutes=minute)  # noqa: DTZ001 -- on the wall
    said = {"rrule": "FREQ=DAILY", "timezone": zone, "duration": f"{length}m"}
    asked = window(start.isoformat(" "), **said)
    here = datetime.combine(day, start.time(), ZoneInfo(zone)).astimezone(UTC)
    for offset in offsets:
        at = here + timedelta(minutes=offset)
        spell = asked.spell(at)
        assert spell.begins <= at < spell.ends
        fresh = window(start.isoformat(" "), **said).spell(at)
        assert spell.is_open == fresh.is_open
        since = _wall_seconds_since_start(at, zone, start)
        if not _is_near_a_change(at, zone, length):
            assert spell.is_open == any(
                0 <= since + n * 86400 < length * 60 for n in range(length // 1440 + 1)
            )


def _wall_seconds_since_start(at: datetime, zone: str, start: datetime) -> float:
    wall = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return (wall - start).total_seconds() % 86400


def _is_near_a_change(at: datetime, zone: str, length: int) -> bool:
    """Whether clocks are set within the window's length, where the hour may be there twice."""
    there = [at + timedelta(minutes=m) for m in (-length - 120, 0, 120)]
    return len({each.astimezone(ZoneInfo(zone)).utcoffset() for each in there}) > 1


def test_a_rule_of_thirty_years_is_followed_once_and_then_remembered() -> None:
    each = window(start="2000-01-01 22:00", rrule="FREQ=DAILY")
    first = each.spell(berlin("2029-11-29 23:00"))
    assert each.spell(berlin("2029-11-30 01:00")) is first


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rrule": "FREQ=HOURLY"}, "nothing oftener than DAILY"),
        ({"rrule": "every sunday"}, "not a rule of RFC 5545: 'every sunday'"),
        ({"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "does not happen within forty years"),
        ({"rrule": "FREQ=DAILY;INTERVAL=0"}, "not a rule"),
        ({"rrule": "FREQ=DAILY;BYHOUR=25"}, "hour must be in 0..23"),
        ({"rrule": "FREQ=DAILY;BYMINUTE=0,1,2,3,4,5,6;BYHOUR=1,2,3,4"}, "more than 24 times"),
        ({"matchers": []}, "would cover everything"),
        ({"matchers": ["service=db"]}, "not a matcher"),
        ({"duration": "0s"}, "ends before it starts"),
        ({"end": "2026-11-29 21:00"}, "ends before it starts"),
        ({"end": "2026-11-30", "duration": "1h"}, "either end or duration"),
        ({"start": "tomorrow"}, "not a time"),
        ({"start": "9999-12-31"}, "starts before 2000 or after 2099"),
        ({"timezone": "Berlin"}, "not a time zone"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_do(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        window(**changes)
