"""The section `schedules` of the configuration."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    InstanceOf,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)

from receiver.channels.contract import TimeZone
from receiver.incidents.oncall import shifts as painting
from receiver.incidents.oncall.calendar import Calendar, CalendarError
from receiver.incidents.oncall.hours import HoursText, instant
from receiver.incidents.oncall.rotation import Rotation
from receiver.incidents.oncall.shifts import Shift, Source
from receiver.incidents.people import People
from receiver.messages.route import ChannelName
from receiver.settings import Duration, Section

_YEARS = range(2000, 2100)
_SHORTEST, _LONGEST = 3600.0, 366 * 86400.0


def parse_time(value: Any) -> datetime:
    """Read `2026-01-05 09:00` of a wall clock, or with an offset behind it a point in time."""
    if type(value) is date:  # YAML's
        return datetime.combine(value, time())
    try:
        return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"not a time: {value!r:.60}; write it like 2026-01-05 09:00") from None


def _check_year(at: datetime) -> datetime:
    """Refuse what nobody means, and what no clock of another zone can show."""
    if at.year not in _YEARS:
        raise ValueError("not a year of this century; correct it")
    return at


def _check_local(at: datetime) -> datetime:
    if at.tzinfo is not None:
        raise ValueError("has an offset, but it is a time of the schedule's zone; leave it away")
    return at


def _check_turn(seconds: float) -> float:
    if not _SHORTEST <= seconds <= _LONGEST:
        raise ValueError("a turn lasts from 1h to 366d; write it like 1w, 1d or 12h")
    return seconds


Time = Annotated[
    datetime,
    BeforeValidator(parse_time),
    PlainSerializer(datetime.isoformat, return_type=str),
]


def _check_person(name: str, info: ValidationInfo) -> str:
    """Refuse whom the configuration does not have; a validation without context knows nobody."""
    known: Sequence[str] = (info.context or {}).get("people", ())
    if name not in known:
        there = ", ".join(known) or "none; add them under people"
        raise ValueError(f"no person is {name!r:.60}; there are {there}")
    return name


def _check_some(several: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse none; pydantic's own bound would count out what is wrong in itself."""
    if not several:
        raise ValueError("is empty; write at least one")
    return several


Known = Annotated[str, AfterValidator(_check_person)]
"""A key of the configuration's people, which the context of the validation has too."""


class Layer(Section):
    """People who take turns from `start` on, each for a `turn`; `only` at some hours if any."""

    people: Annotated[tuple[Known, ...], AfterValidator(_check_some)]
    start: Annotated[Time, AfterValidator(_check_local), AfterValidator(_check_year)]
    turn: Annotated[Duration, AfterValidator(_check_turn)] = 604800.0
    only: tuple[HoursText, ...] = ()


class Override(Section):
    """Somebody in another's place for a while, whoever it would be."""

    person: Known
    since: Annotated[Time, AfterValidator(_check_year)] = Field(alias="from")
    until: Annotated[Time, AfterValidator(_check_year)]

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if (self.since.tzinfo is None) == (self.until.tzinfo is None) and self.since >= self.until:
            raise ValueError("until is not after from; exchange them")
        return self


def _read_calendar(value: Any, info: ValidationInfo) -> Calendar:
    """Read the file that `value` names; a relative path starts at the configuration's folder."""
    if isinstance(value, Calendar):
        return value
    if "://" in str(value):
        raise ValueError("is a URL; save it as a file, by cron for example, and name that")
    try:
        return Calendar.read(Path((info.context or {}).get("folder", "."), str(value)))
    except CalendarError as error:
        raise ValueError(str(error)) from error


CalendarFile = Annotated[
    InstanceOf[Calendar],
    BeforeValidator(_read_calendar),
    PlainSerializer(lambda held: str(held.path), return_type=str),
]


def moment(value: Any, zone: ZoneInfo) -> datetime:
    """Read a time of a zone's wall clock, or one with an offset; raises ValueError."""
    at = _check_year(parse_time(value))
    return instant(at, zone) if at.tzinfo is None else at.astimezone(UTC)


class Schedule(Section):
    """Who is on call: overrides first, the last of them before the others; then the calendar.

    Then comes the first layer, and what it leaves open, the next fills: it reads from the top like
    `routes`, where the first match wins too.
    """

    timezone: TimeZone = "UTC"
    calendar: CalendarFile | None = Field(default=None, alias="ical_file")
    layers: tuple[Layer, ...] = ()
    overrides: tuple[Override, ...] = ()
    handover: ChannelName = ""

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if not self.layers and not self.calendar:
            raise ValueError("nobody would be on call; write layers or ical_file")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The zone of its times."""
        return ZoneInfo(self.timezone)

    def sources(self, stored: Iterable[Shift] = ()) -> list[Source]:
        """Return what says who is on call, that first which counts first.

        `stored` are overrides that were made by the API, in the order in which they were made;
        they were made later than those of the file.
        """
        overrides = [*(_fixed(each, self.zone) for each in self.overrides), *stored]
        calendar = [self.calendar] if self.calendar else []
        return [*(_Alone(each) for each in reversed(overrides)), *calendar, *self._rotations()]

    def _rotations(self) -> Iterator[Rotation]:
        for number, layer in enumerate(self.layers, 1):
            turn = timedelta(seconds=layer.turn)
            yield Rotation(number, layer.people, layer.start, turn, layer.only, self.zone)


class _Alone:
    """A single shift as a source."""

    def __init__(self, shift: Shift) -> None:
        self._shift = shift

    def shifts(self, start: datetime, end: datetime) -> Sequence[Shift]:
        return [self._shift] if self._shift.until > start and self._shift.since < end else []


def _fixed(override: Override, zone: ZoneInfo) -> Shift:
    since, until = moment(override.since, zone), moment(override.until, zone)
    return Shift(override.person, since, until, "override")


def on_call(schedule: Schedule, at: datetime, overrides: Iterable[Shift] = ()) -> Shift | None:
    """Return who is on call then, since when, until when and why; None where nobody is."""
    return painting.on_call(schedule.sources(overrides), at)


def shifts(
    schedule: Schedule, start: datetime, end: datetime, overrides: Iterable[Shift] = ()
) -> list[Shift]:
    """Return the shifts between two times, one after the other; a gap is one of nobody's."""
    return painting.shifts(schedule.sources(overrides), start, end)


def _bind(schedules: dict[str, Schedule], info: ValidationInfo) -> dict[str, Schedule]:
    """Give each schedule that names no time zone the receiver's, and a calendar its people."""
    own = info.data.get("timezone", "UTC")
    people: People = info.data.get("people", {})
    bound = {}
    for name, schedule in schedules.items():
        zone = schedule.timezone if "timezone" in schedule.model_fields_set else own
        calendar = schedule.calendar and schedule.calendar.bound(people, ZoneInfo(zone))
        bound[name] = schedule.model_copy(update={"timezone": zone, "calendar": calendar})
    return bound


Name = Annotated[str, Field(pattern=r"^\w+$", max_length=60)]
Schedules = Annotated[dict[Name, Schedule], AfterValidator(_bind)]
