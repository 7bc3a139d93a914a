"""Schedules of tests, read as the configuration reads them."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from receiver.incidents.oncall.schedule import Schedule
from receiver.incidents.oncall.shifts import Shift

PEOPLE = ("ada", "bob", "eve")
WEEKLY = {"people": ["ada", "bob"], "start": "2026-01-05 09:00"}


def schedule(*layers: dict[str, Any], zone: str = "Europe/Berlin", **more: Any) -> Schedule:
    document = {"timezone": zone, "layers": layers or [WEEKLY], **more}
    return Schedule.model_validate(document, context={"people": PEOPLE, "channels": ["duty"]})


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def said(shift: Shift, zone: str = "Europe/Berlin") -> str:
    since, until = (
        f"{t.astimezone(ZoneInfo(zone)):%m-%d %H:%M}" for t in (shift.since, shift.until)
    )
    return f"{shift.person or 'nobody'} {since} {until} {shift.why}{shift.number or ''}"
