"""The section `schedules` of the configuration."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)

from receiver.channels.contract import TimeZone
from receiver.incidents.oncall import shifts as painting
from receiver.incidents.oncall.hours import HoursText, instant
from receiver.incidents.oncall.rotation import Rotation
from receiver.incidents.oncall.shifts import Shift, Source
from receiver.settings import Duration, Section

_Any = TypeVar("_Any")
_SHORTEST, _LONGEST = 3600.0, 366 * 86400.0


def parse_time(value: Any) -> datetime:
    """Read `2026-01-05 09:00` of a wall clock, or with an offset behind it a point in time."""
    if type(value) is date:  # YAML's
        return datetime.combine(value, time())
    try:
        return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"not a time: {value!r:.60}; write it like 2026-01-05 09:00") from None


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


def _check_some(several: tuple[_Any, ...]) -> tuple[_Any, ...]:
    """Refuse none; pydantic's own bound would count out what is wrong in itself."""
    if not several:
        raise ValueError("is empty; write at least one")
    return several


Known = Annotated[str, AfterValidator(_check_person)]
"""A key of the configuration's people, which the context of the validation has too."""


class Layer(Section):
    """People who take turns from `start` on, each for a `turn`; `only` at some hours if any."""

    people: Annotated[tuple[Known, ...], AfterValidator(_check_some)]
    start: Annotated[Time, AfterValidator(_check_local)]
    turn: Annotated[Duration, AfterValidator(_check_turn)] = 604800.0
    only: tuple[HoursText, ...] = ()


class Override(Section):
    """Somebody in another's place for a while, whoever it would be."""

    person: Known
    since: Time = Field(alias="from")
    until: Time

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if (self.since.tzinfo is None) == (self.until.tzinfo is None) and self.since >= self.until:
            raise ValueError("until is not after from; exchange them")
        return self


class Schedule(Section):
    """Who is on call: overrides first, the last of them before the others; then the first layer.

    What a layer leaves open, the next fills: it reads from the top like `routes`, where the first
    match wins too.
    """

    timezone: TimeZone = "UTC"
    layers: Annotated[tuple[Layer, ...], AfterValidator(_check_some)]
    overrides: tuple[Override, ...] = ()

    def sources(self, stored: Iterable[Shift] = ()) -> list[Source]:
        """Return what says who is on call, that first which counts first.

        `stored` are overrides that were made by the API, in the order in which they were made;
        they were made later than those of the file.
        """
        zone = ZoneInfo(self.timezone)
        overrides = [*(_fixed(each, zone) for each in self.overrides), *stored]
        return [*(_Alone(each) for each in reversed(overrides)), *self._rotations(zone)]

    def _rotations(self, zone: ZoneInfo) -> Iterator[Rotation]:
        for number, layer in enumerate(self.layers, 1):
            turn = timedelta(seconds=layer.turn)
            yield Rotation(number, layer.people, layer.start, turn, layer.only, zone)


class _Alone:
    """A single shift as a source."""

    def __init__(self, shift: Shift) -> None:
        self._shift = shift

    def shifts(self, start: datetime, end: datetime) -> Sequence[Shift]:
        return [self._shift] if self._shift.until > start and self._shift.since < end else []


def _fixed(override: Override, zone: ZoneInfo) -> Shift:
    since, until = (
        instant(at, zone) if at.tzinfo is None else at.astimezone(UTC)
        for at in (override.since, override.until)
    )
    return Shift(override.person, since, until, "override")


def on_call(schedule: Schedule, at: datetime, overrides: Iterable[Shift] = ()) -> Shift | None:
    """Return who is on call then, since when, until when and why; None where nobody is."""
    return painting.on_call(schedule.sources(overrides), at)


def shifts(
    schedule: Schedule, start: datetime, end: datetime, overrides: Iterable[Shift] = ()
) -> list[Shift]:
    """Return the shifts between two times, one after the other; a gap is one of nobody's."""
    return painting.shifts(schedule.sources(overrides), start, end)


def _give_zones(schedules: dict[str, Schedule], info: ValidationInfo) -> dict[str, Schedule]:
    """Give each schedule that names no time zone the receiver's."""
    zone = {"timezone": info.data.get("timezone", "UTC")}
    return {
        name: s if "timezone" in s.model_fields_set else s.model_copy(update=zone)
        for name, s in schedules.items()
    }


Name = Annotated[str, Field(pattern=r"^\w+$", max_length=60)]
Schedules = Annotated[dict[Name, Schedule], AfterValidator(_give_zones)]
