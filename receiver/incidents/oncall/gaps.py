"""When nobody is on call (pure)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from receiver.incidents.oncall.schedule import Schedule, shifts

AHEAD = timedelta(weeks=2)
"""How far ahead people look, and what they can still mend."""
_MOST = 3


def warnings(schedules: Mapping[str, Schedule], now: datetime) -> Iterator[str]:
    """Say for each schedule when nobody is on call within AHEAD, at its own clock."""
    for name, schedule in schedules.items():
        gaps = [each for each in shifts(schedule, now, now + AHEAD) if each.why == "gap"]
        zone = schedule.zone
        for gap in gaps[:_MOST]:
            since, until = (f"{t.astimezone(zone):%Y-%m-%d %H:%M}" for t in (gap.since, gap.until))
            yield f"schedules.{name}: nobody is on call from {since} to {until}; add a layer"
        if len(gaps) > _MOST:
            yield f"schedules.{name}: and {len(gaps) - _MOST} times more within two weeks"
        if schedule.calendar and (titles := schedule.calendar.strangers(now, now + AHEAD)):
            said = ", ".join(repr(title)[:60] for title in titles[:_MOST])
            yield f"schedules.{name}: nobody under people has {said} of {schedule.calendar.path}"
