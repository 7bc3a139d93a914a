"""Shifts as a calendar (RFC 5545) that a phone subscribes to."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from receiver.incidents.oncall.shifts import Shift
from receiver.incidents.people import People

AHEAD = timedelta(weeks=26)
"""How far a calendar reaches: whoever subscribes cannot say it."""

MOST = 2_000
"""Shifts in one; each takes the library more than half a millisecond."""


def write(name: str, shifts: Iterable[Shift], people: People, now: datetime) -> bytes:
    """Write one event for each shift that is somebody's, in UTC."""
    import icalendar

    calendar = icalendar.Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", "-//Tocsin//On call//EN")
    calendar.add("X-WR-CALNAME", name)
    for shift in shifts:
        if shift.why == "gap":
            continue
        person = people.get(shift.person)
        event = icalendar.Event()
        # The same for the same shift, so that a calendar which is read again changes in place.
        event.add("UID", f"{name}-{shift.since:%Y%m%dT%H%M%SZ}@tocsin")
        event.add("DTSTAMP", now)
        event.add("DTSTART", shift.since)
        event.add("DTEND", shift.until)
        event.add("SUMMARY", person.name if person else shift.person)
        if person and person.email:
            event.add("ATTENDEE", f"mailto:{person.email}")
        calendar.add_component(event)
    return bytes(calendar.to_ical())
