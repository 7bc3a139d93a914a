from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver import config
from receiver.__main__ import main
from receiver.incidents.oncall import ics
from receiver.incidents.oncall.schedule import Schedule, on_call, shifts
from receiver.model import ConfigError
from tests.receiver.incidents.oncall.schedules import at, said

PEOPLE = {
    "ada": {"name": "Ada Lovelace", "email": "ada@example.com"},
    "bob": {"name": "王庆"},
    "eve": {"name": "Eve"},
    "sam1": {"name": "Sam"},
    "sam2": {"name": "SAM"},
}
BERLIN = ";TZID=Europe/Berlin:"
DAY = (":20260105T000000Z", ":20260106T000000Z")
ADA = "ATTENDEE;CN=Ada:mailto:Ada@Example.com"
BACKUP = {"people": ["eve"], "start": "2026-01-01", "turn": "52w"}

Plan = Callable[..., Schedule]


def event(uid: str, start: str, end: str, *lines: str) -> list[str]:
    return ["BEGIN:VEVENT", f"UID:{uid}", f"DTSTART{start}", f"DTEND{end}", *lines, "END:VEVENT"]


def calendar(*events: list[str]) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", *chain(*events)]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


WEEKS = event(
    "weeks",
    f"{BERLIN}20260105T090000",
    f"{BERLIN}20260112T090000",
    "RRULE:FREQ=WEEKLY;INTERVAL=2",
    f"EXDATE{BERLIN}20260202T090000",
    "SUMMARY:primary",
    "ATTENDEE:mailto:nobody@example.com",
    ADA,
)
MOVED = event(
    "weeks",
    f"{BERLIN}20260120T120000",
    f"{BERLIN}20260126T090000",
    f"RECURRENCE-ID{BERLIN}20260119T090000",
    ADA,
)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Make a schedule of a calendar, as the configuration does."""

    def make(text: str | bytes, zone: str = "Europe/Berlin", **more: Any) -> Schedule:
        (tmp_path / "duty.ics").write_bytes(text if isinstance(text, bytes) else text.encode())
        plans = {"ops": {"timezone": zone, "ical_file": "duty.ics", **more}}
        path = tmp_path / "receiver.yml"
        path.write_text(yaml.safe_dump({"people": PEOPLE, "schedules": plans}))
        return config.load(path).schedules["ops"]

    return make


def test_events_that_repeat_keep_their_hour_and_may_be_moved_or_left_out(plan: Plan) -> None:
    told = shifts(plan(calendar(WEEKS, MOVED)), at("2026-01-06"), at("2026-02-20"))
    assert [said(each) for each in told] == [
        "ada 01-05 09:00 01-12 09:00 calendar",
        "nobody 01-12 09:00 01-20 12:00 gap",
        "ada 01-20 12:00 01-26 09:00 calendar",
        "nobody 01-26 09:00 02-16 09:00 gap",
        "ada 02-16 09:00 02-23 09:00 calendar",
    ]
    spring = on_call(plan(calendar(WEEKS)), at("2026-04-01"))
    assert spring is not None
    assert said(spring) == "ada 03-30 09:00 04-06 09:00 calendar"


def test_days_and_times_without_a_zone_are_of_the_zone_of_the_schedule(plan: Plan) -> None:
    days = event("1", ";VALUE=DATE:20260105", ";VALUE=DATE:20260107", "SUMMARY:王庆")
    hours = event("2", ":20260107T090000", ":20260107T180000", "SUMMARY: EVE ")
    told = shifts(plan(calendar(days, hours), "Asia/Shanghai"), at("2026-01-05"), at("2026-01-07"))
    shown = [said(each, "Asia/Shanghai") for each in told if each.person]
    assert shown == ["bob 01-05 00:00 01-07 00:00 calendar"]
    found = on_call(plan(calendar(days, hours), "Asia/Shanghai"), at("2026-01-07 03:00"))
    assert found is not None
    assert said(found, "Asia/Shanghai") == "eve 01-07 09:00 01-07 18:00 calendar"


def test_of_two_events_at_once_the_one_that_began_later_counts(plan: Plan) -> None:
    long = event("1", ":20260105T000000Z", ":20260109T000000Z", ADA)
    short = event("2", ":20260106T000000Z", ":20260107T000000Z", "SUMMARY:Eve")
    both = plan(calendar(long, short), "UTC")
    told = shifts(both, at("2026-01-05", "UTC"), at("2026-01-09", "UTC"))
    assert [said(each, "UTC") for each in told] == [
        "ada 01-05 00:00 01-06 00:00 calendar",
        "eve 01-06 00:00 01-07 00:00 calendar",
        "ada 01-07 00:00 01-09 00:00 calendar",
    ]
    assert [on_call(both, each.since) for each in told] == told


def test_what_was_cancelled_or_declined_is_nobody_s(plan: Plan) -> None:
    off = event("1", *DAY, "STATUS:CANCELLED", ADA)
    declined = event("2", *DAY, "SUMMARY:primary", ADA.replace(";", ";PARTSTAT=declined;", 1))
    assert on_call(plan(calendar(off, declined)), at("2026-01-05 12:00")) is None
    both = event("3", *DAY, *declined[4:-1], "ATTENDEE:mailto:ADA@example.com")
    assert on_call(plan(calendar(both)), at("2026-01-05 12:00")) is not None


def test_a_name_that_two_people_have_is_nobody_s_but_a_key_is_one_person_s(plan: Plan) -> None:
    assert on_call(plan(calendar(event("1", *DAY, "SUMMARY:Sam"))), at("2026-01-05 12:00")) is None
    found = on_call(plan(calendar(event("1", *DAY, "SUMMARY:sam2"))), at("2026-01-05 12:00"))
    assert found is not None
    assert found.person == "sam2"


def test_what_the_calendar_leaves_open_or_to_a_stranger_a_layer_fills_and_check_says_whose(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = event("1", ":20200101T000000Z", ":20990101T000000Z", "SUMMARY:Mallory")
    made = plan(calendar(stranger), layers=[BACKUP])
    found = on_call(made, at("2026-01-06"))
    assert found is not None
    assert (found.person, found.why) == ("eve", "layer")
    assert main(["check", "--config", str(tmp_path / "receiver.yml")]) == 0
    file = tmp_path / "duty.ics"
    said = f"schedules.ops: nobody under people has 'Mallory' of {file}\n"
    assert capsys.readouterr().err.endswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"hello", "is no calendar of shifts: "),
        (b"", "is no calendar of shifts: "),
        (b"\xff\xfe\x00", "is no calendar of shifts: "),
        (calendar(event("1", ":2026", ":20260106T000000Z")), "is no calendar of shifts: "),
        (calendar(event("1", *DAY, "DURATION:P1D")), "Only one of DTEND and DURATION"),
        (calendar(event("1", *DAY, "EXDATE:foo")), "is no calendar of shifts: "),
        (calendar(event("1", ":99991231T000000Z", ":99991231T010000Z")), "the year 9999"),
        (calendar(["BEGIN:VEVENT", "SUMMARY:Eve", "END:VEVENT"]), "is no calendar of shifts: "),
        (calendar(event("1", *DAY, "RRULE:FREQ=SECONDLY")), "nothing oftener than DAILY"),
        (calendar(event("1", *DAY, "RRULE:FREQ=DAILY;INTERVAL=0")), "not a rule of RFC 5545"),
        (calendar(*[event("1", *DAY)] * 2_001), "more than 2000 events"),
        (b"x" * 1_100_000, "is larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_calendar_of_shifts_is_one_mistake(
    plan: Plan, text: str | bytes, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        plan(text)
    assert len(caught.value.problems) == 1
    assert "schedules.ops.ical_file: " in caught.value.problems[0]


@pytest.mark.parametrize("name", ["missing.ics", "https://calendar.example.com/duty.ics"])
def test_a_file_that_is_not_there_or_is_elsewhere_says_what_to_do(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "receiver.yml").write_text(f"schedules: {{ops: {{ical_file: {name}}}}}")
    with pytest.raises(ConfigError, match=r"cannot read .*missing.ics|save it as a file"):
        config.load(tmp_path / "receiver.yml")


def test_what_is_exported_is_the_same_when_it_is_read_again(plan: Plan) -> None:
    override = {"person": "bob", "from": "2026-01-06 12:00", "until": "2026-01-06 14:00"}
    first = plan(calendar(WEEKS), layers=[BACKUP], overrides=[override])
    start, end = at("2026-01-05 09:00"), at("2026-04-20")
    told = shifts(first, start, end)
    people = config.load(Path(str(first.calendar and first.calendar.path)).parent / "receiver.yml")
    text = ics.write("ops", told, people.people, datetime(2026, 1, 1, tzinfo=UTC))
    again = shifts(plan(text), start, end)
    assert [(s.person, s.since, s.until) for s in again] == [
        (s.person, s.since, s.until) for s in told
    ]
    assert {s.person for s in told} == {"ada", "bob", "eve"}
    assert b"UID:ops-20260105T080000Z@tocsin\r\n" in text
    assert told[-1].until - start > timedelta(days=100)
