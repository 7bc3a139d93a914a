"""A calendar in a file (RFC 5545) as a schedule: whose event it is has the time.

The libraries are imported only where there is a calendar, so that nobody else pays for them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

from receiver.incidents.oncall.hours import instant
from receiver.incidents.oncall.shifts import Shift
from receiver.incidents.people import People
from receiver.incidents.quiet.recurrence import check_rule

_DAY = timedelta(days=1)
_LARGEST = 2**20
_MOST = 2_000
_MOST_RULES = 200
_YEARS = range(1990, 2100)
"""Of events: those of a rule are counted from its first, each time that somebody asks."""


class CalendarError(Exception):
    """A file that is no calendar of shifts."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a file holds; `known` are people by their key, name and mail, in small letters."""

    path: Path
    text: bytes = field(repr=False)
    query: Any = field(repr=False, compare=False)
    known: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo = UTC

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file; raises CalendarError."""
        try:
            with path.open("rb") as file:
                text = file.read(_LARGEST + 1)
        except OSError as error:
            raise CalendarError(f"cannot read {path}: {error.strerror}") from error
        if len(text) > _LARGEST:
            raise CalendarError(f"{path} is larger than 1 MiB; export fewer years")
        return cls(path, text, _query(path, text))

    def bound(self, people: People, zone: tzinfo) -> Self:
        """Return it for these people; what has no time zone in it has this one."""
        called: dict[str, set[str]] = {}
        for key, person in people.items():
            for name in filter(None, (key, person.name, person.email)):
                called.setdefault(name.casefold(), set()).add(key)
        # What two people are called says of neither that it is theirs.
        known = {name: keys.pop() for name, keys in called.items() if len(keys) == 1}
        return replace(self, known=known, zone=zone)

    def shifts(self, start: datetime, end: datetime) -> list[Shift]:
        """Return events of people who are known, in the order of their beginnings."""
        every = ((self._whose(event), event) for event in self._events(start, end))
        found = (Shift(who, *self._span(event), "calendar") for who, event in every if who)
        return sorted(
            (s for s in found if s.until > start and s.since < end and s.since < s.until),
            key=lambda s: (s.since, s.person),
        )

    def strangers(self, start: datetime, end: datetime) -> list[str]:
        """Return the titles of events that are nobody's who is known."""
        every = (event for event in self._events(start, end) if not self._whose(event))
        return sorted({str(event.get("SUMMARY", "without a title")) for event in every})

    def _events(self, start: datetime, end: datetime) -> Iterator[Any]:
        # A day more, since what has no time zone is looked for as if it were in UTC.
        for event in self.query.between(start - _DAY, end + _DAY):
            if str(event.get("STATUS", "")).upper() != "CANCELLED":
                yield event

    def _whose(self, event: Any) -> str:
        """Return the first who is known of those who come, else whom the title names."""
        invited = event.get("ATTENDEE", [])
        invited = invited if isinstance(invited, list) else [invited]
        coming = (i for i in invited if i.params.get("PARTSTAT", "").upper() != "DECLINED")
        mails = (str(each).casefold().removeprefix("mailto:") for each in coming)
        titles = (str(event.get("SUMMARY", "")).strip().casefold(),)
        return next((self.known[n] for n in (*mails, *titles) if n in self.known), "")

    def _span(self, event: Any) -> tuple[datetime, datetime]:
        since, until = (self._instant(at) for at in (event.start, event.end))
        return since, until

    def _instant(self, at: Any) -> datetime:
        """Return a point in time: of a day its beginning."""
        moment = at if isinstance(at, datetime) else datetime.combine(at, time())
        return instant(moment, self.zone) if moment.tzinfo is None else moment.astimezone(UTC)


def _query(path: Path, text: bytes) -> Any:
    """Read a calendar and try it; raises CalendarError."""
    import icalendar
    import recurring_ical_events

    try:
        calendar = icalendar.Calendar.from_ical(text)
        _check(calendar.walk("VEVENT"))
        query = recurring_ical_events.of(calendar)
        now = datetime.now(UTC)
        query.between(now, now + _DAY)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        said = " ".join(str(error).split())[:200]
        raise CalendarError(f"{path} is no calendar of shifts: {said}") from error
    return query


def _check(events: Sequence[Any]) -> None:
    """Refuse what would be wrong only at its time, or takes too long; raises ValueError."""
    if len(events) > _MOST:
        raise ValueError(f"more than {_MOST} events; export fewer years")
    rules = [rule for event in events for rule in _rules(event)]
    if len(rules) > _MOST_RULES:
        raise ValueError(f"more than {_MOST_RULES} events that repeat; export fewer years")
    for rule in rules:
        check_rule(rule.to_ical().decode())
    for event in events:
        for at in (event.start, event.end):  # which it finds only now
            if at.year not in _YEARS:
                raise ValueError(f"an event of the year {at.year}; correct it")


def _rules(event: Any) -> list[Any]:
    rules = event.get("RRULE", [])
    return rules if isinstance(rules, list) else [rules]
