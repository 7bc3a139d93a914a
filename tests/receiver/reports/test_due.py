"""Reports are due by the clock on the wall, also where it is set."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from receiver.reports.due import Period, Times, latest

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "ends", "hours"),
    [
        ("2026-03-28 07:59:59", "2026-03-27 08:00", 24),
        ("2026-03-28 08:00", "2026-03-28 08:00", 24),
        ("2026-03-29 07:30", "2026-03-29 07:00", 23),
        ("2026-10-25 08:00", "2026-10-25 08:00", 25),
    ],
)
def test_a_day_ends_at_nine_on_the_wall_when_clocks_are_set(
    now: str, ends: str, hours: int
) -> None:
    period = latest(Times(time(9)), BERLIN, utc(now))
    assert (period.end, period.end - period.begin) == (utc(ends), hours * HOUR)


def test_a_week_ends_on_its_day_and_is_an_hour_shorter_in_spring() -> None:
    monday = Times(time(9), 0)
    period = latest(monday, BERLIN, utc("2026-04-01 12:00"))
    assert period == Period(*map(utc, ("2026-03-16 08:00", "2026-03-23 08:00", "2026-03-30 07:00")))


def test_a_time_that_clocks_skip_is_due_an_hour_later_and_one_shown_twice_once() -> None:
    at = Times(time(2, 30))
    assert latest(at, BERLIN, utc("2026-03-29 12:00")).end == utc("2026-03-29 01:30")
    both = {
        latest(at, BERLIN, utc(f"2026-10-25 {text}")).end for text in ("00:30", "01:30", "12:00")
    }
    assert both == {utc("2026-10-25 00:30")}
