"""`schedule`: who is on call, as lines or as a calendar."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from receiver import config
from receiver.config import Config
from receiver.drill import visit
from receiver.incidents.oncall import ics
from receiver.incidents.oncall.duty import Duty
from receiver.incidents.oncall.gaps import AHEAD
from receiver.incidents.oncall.schedule import Schedule, moment, shifts
from receiver.incidents.oncall.shifts import Shift
from receiver.model import ConfigError


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the others."""
    schedule = commands.add_parser("schedule", help="say who is on call, for two weeks from now")
    schedule.add_argument("name", metavar="NAME")
    schedule.add_argument("--config", type=Path, required=True, metavar="FILE")
    schedule.add_argument("--from", dest="start", metavar="TIME", help="e.g. '2026-01-05 09:00'")
    schedule.add_argument("--until", metavar="TIME")
    schedule.add_argument("--ics", action="store_true", help="write a calendar instead of lines")


async def run(arguments: argparse.Namespace) -> int:
    """Print the shifts; raises ConfigError, StoreUnavailableError and StoreVersionError."""
    settings = config.load(arguments.config)
    if arguments.name not in settings.schedules:
        known = ", ".join(settings.schedules) or "none; write some under schedules"
        raise ConfigError([f"no schedule is named {arguments.name!r}; there are {known}"])
    schedule, now = settings.schedules[arguments.name], datetime.now(UTC)
    start = _read("--from", arguments.start, schedule) or now
    end = _read("--until", arguments.until, schedule) or start + AHEAD
    if end <= start:
        raise ConfigError(["--until is not after --from; exchange them"])
    told = await _shifts(settings, arguments.name, start, end)
    if arguments.ics:
        sys.stdout.write(ics.write(arguments.name, told, settings.people, now).decode())
    else:
        sys.stdout.writelines(_line(settings, schedule, each) for each in told)
    return 0


def _read(option: str, text: str | None, schedule: Schedule) -> datetime | None:
    try:
        return moment(text, schedule.zone) if text else None
    except ValueError as error:
        raise ConfigError([f"{option}: {error}"]) from error


async def _shifts(settings: Config, name: str, start: datetime, end: datetime) -> list[Shift]:
    """Return the shifts, with the overrides of the store where there is one."""
    async with visit(settings) as store:
        if store is None:
            return shifts(settings.schedules[name], start, end)
        return await Duty(settings.schedules, settings.people, store).shifts(name, start, end)


def _line(settings: Config, schedule: Schedule, shift: Shift) -> str:
    since, until = (
        f"{at.astimezone(schedule.zone):%a %Y-%m-%d %H:%M %Z}" for at in (shift.since, shift.until)
    )
    whose = f"{shift.person} ({settings.people[shift.person].name})" if shift.person else "nobody"
    layer = f" {shift.number}" if shift.number else ""
    return f"{since} - {until}  {whose}, {shift.why}{layer}\n"
