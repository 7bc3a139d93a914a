"""Incidents as people look them up: many at once, and one with all that happened to it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, FromClause, Row, Select, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from receiver.model import OF_NONE, Act, Status
from receiver.store import joining, timeline
from receiver.store.joining import Kin
from receiver.store.lane import Lane
from receiver.store.people import acknowledgements
from receiver.store.schema import episodes, incidents, standings
from receiver.store.summary import Summary, summarise
from receiver.store.timeline import Event

STATES = ("open", "acknowledged", "silenced", "resolved")
_ESCAPE = "\\"
_members = incidents.alias()
_PLAIN = (
    *("id", "title", "severity", "receiver", "group_key"),
    *("opened_at", "resolved_at", "reopened", "reopened_at"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which incidents are looked for, newest first: below an id, and with all of some words.

    `state` is one of STATES, or `active` for all that fires, or empty for every one.
    """

    state: str = ""
    words: tuple[str, ...] = ()
    severity: str = ""
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Member:
    """An incident of another group that joined one."""

    id: int
    title: str
    severity: str
    joined_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident: its worst severity so far, how many of its alerts fire, and how many are hidden.

    `taken` is who has it; `firing` counts alerts, and `hushed` those of them that a silence hides.
    It was `reopened` so often, the last time at `reopened_at`. `members` joined it, whose alerts
    count too.
    """

    id: int
    title: str
    severity: str
    receiver: str
    group_key: str
    opened_at: datetime
    resolved_at: datetime | None
    taken: Act | None = None
    firing: int = 0
    alerts: int = 0
    hushed: int = 0
    reopened: int = 0
    reopened_at: datetime | None = None
    members: tuple[Member, ...] = ()

    @property
    def state(self) -> str:
        """One of STATES: what somebody has is acknowledged, whether or not it is silenced."""
        if self.resolved_at is not None:
            return "resolved"
        if self.taken is not None:
            return "acknowledged"
        return "silenced" if self.firing and self.hushed == self.firing else "open"


class Incidents:
    """The part of a store that people look incidents up in."""

    def __init__(self, reader: Lane) -> None:
        self._reader = reader

    async def find(self, wanted: Wanted, now: datetime) -> list[Incident]:
        """Return incidents, newest first."""
        return await self._reader.run(_find, wanted, now)

    async def look_up(self, number: int, now: datetime) -> Incident | None:
        """Return one, or that which it joined; None where there is none of this number."""
        return await self._reader.run(_look_up, number, now)

    async def timeline(self, number: int) -> list[Event]:
        """Return what happened to one, in order; of much, the latest."""
        return await self._reader.run(timeline.tell, number)

    async def kin(self, head: int, incident: int) -> Kin:
        """Return what is beside an incident that joined that head, or is it."""
        return await self._reader.run(joining.kin, head, incident)

    async def together(self, incident: int) -> list[int]:
        """Return the numbers of all that is one with an incident, the head first."""
        return await self._reader.run(joining.together, incident)

    async def summarise(self, since: datetime) -> Summary:
        """Return what began since a time in numbers."""
        return await self._reader.run(summarise, since)


def _find(connection: Connection, wanted: Wanted, now: datetime) -> list[Incident]:
    theirs = incidents.c.group_key.not_like(f"{OF_NONE}%")
    query = _query(now).where(theirs, incidents.c.head.is_(None))
    query = query.order_by(incidents.c.id.desc()).limit(wanted.limit)
    if wanted.state:
        query = query.where(_in_state(wanted.state))
    if wanted.severity:
        query = query.where(incidents.c.severity == wanted.severity)
    if wanted.before is not None:
        query = query.where(incidents.c.id < wanted.before)
    for word in wanted.words:
        query = query.where(_says(word, incidents) | _is_said_of_a_member(word))
    return _counted(connection, [_incident(row) for row in connection.execute(query)])


def _look_up(connection: Connection, number: int, now: datetime) -> Incident | None:
    head = joining.head_of(connection, number)
    found = connection.execute(_query(now).where(incidents.c.id == head)).all()
    return next(iter(_counted(connection, map(_incident, found))), None)


def _query(now: datetime) -> Select[tuple[object, ...]]:
    """Select incidents, with an acknowledgement where it still holds."""
    until = acknowledgements.c.until
    holds = and_(acknowledgements.c.incident == incidents.c.id, or_(until.is_(None), until > now))
    names = ("who", "at", "until", "comment")
    columns = (acknowledgements.c[name] for name in names)
    return select(incidents, *columns).select_from(incidents.outerjoin(acknowledgements, holds))


def _in_state(state: str) -> ColumnElement[bool]:
    is_open, taken = incidents.c.resolved_at.is_(None), acknowledgements.c.who.is_not(None)
    if state in {"open", "silenced"}:
        hidden = _fires_and(stands=True) & ~_fires_and(stands=False)
        return is_open & ~taken & (hidden if state == "silenced" else ~hidden)
    return {"active": is_open, "acknowledged": is_open & taken, "resolved": ~is_open}[state]


def _fires_and(*, stands: bool) -> ColumnElement[bool]:
    """Whether something of it fires that a silence hides, or that none does."""
    hidden = select(standings.c.state).where(
        standings.c.group_hash == episodes.c.group_hash,
        standings.c.fingerprint == episodes.c.fingerprint,
        standings.c.state == "silenced",
    )
    fires = select(episodes.c.fingerprint).where(episodes.c.status == Status.FIRING.value)
    fires = fires.where(hidden.exists() if stands else ~hidden.exists())
    joined = fires.join(_members, _members.c.id == episodes.c.incident)
    own = fires.where(episodes.c.incident == incidents.c.id).exists()
    return own | joined.where(_members.c.head == incidents.c.id).exists()


def _is_said_of_a_member(word: str) -> ColumnElement[bool]:
    joined = _members.c.head == incidents.c.id
    return select(_members.c.id).where(joined, _says(word, _members)).exists()


def _says(word: str, of: FromClause) -> ColumnElement[bool]:
    """Whether a word is in what it is about, in whatever case; `%` and `_` are letters like any."""
    text = func.lower(of.c.title + " " + of.c.about)
    return text.contains(word.lower(), autoescape=True, escape=_ESCAPE)


def _incident(row: Row[tuple[object, ...]]) -> Incident:
    values = row._mapping  # noqa: SLF001 -- SQLAlchemy's public name
    said = (values[name] for name in ("who", "at", "until", "comment"))
    taken = Act("acknowledge", *said) if values["who"] else None
    return Incident(**{name: values[name] for name in _PLAIN}, taken=taken)


def _counted(connection: Connection, found: Iterable[Incident]) -> list[Incident]:
    """Add how many alerts each has, which fire and which are hidden."""
    each = list(found)
    members = _members_of(connection, [one.id for one in each])
    numbers = [one.id for one in each] + [m.id for many in members.values() for m in many]
    counts = _count(connection, numbers)
    return [_with(one, members.get(one.id, []), *counts) for one in each]


def _with(one: Incident, members: Sequence[Member], *counts: Counter[int]) -> Incident:
    alerts, firing, hushed = (
        sum(count[number] for number in (one.id, *(m.id for m in members))) for count in counts
    )
    joined = tuple(members)
    return replace(one, alerts=alerts, firing=firing, hushed=hushed, members=joined)


def _members_of(connection: Connection, heads: Sequence[int]) -> dict[int, list[Member]]:
    found: dict[int, list[Member]] = {}
    names = (incidents.c[name] for name in ("head", *Member.__dataclass_fields__))
    query = select(*names).where(incidents.c.head.in_(heads), incidents.c.head.is_not(None))
    for head, *row in connection.execute(query.order_by(incidents.c.id)):
        found.setdefault(head, []).append(Member(*row))
    return found


def _count(connection: Connection, numbers: Sequence[int]) -> tuple[Counter[int], ...]:
    hidden = standings.c.state == "silenced"
    beside = and_(
        standings.c.group_hash == episodes.c.group_hash,
        standings.c.fingerprint == episodes.c.fingerprint,
        hidden,
    )
    each, of_these = episodes.c.incident, episodes.c.incident.in_(numbers)
    several = func.count(episodes.c.fingerprint.distinct())  # each may have fired several times
    query = select(each, several).where(of_these).group_by(each)
    alerts = Counter({row[0]: row[1] for row in connection.execute(query)})
    fires = (
        select(each, standings.c.state, func.count())
        .select_from(episodes.outerjoin(standings, beside))
        .where(of_these, episodes.c.status == Status.FIRING.value)
        .group_by(each, standings.c.state)
    )
    firing, hushed = Counter[int](), Counter[int]()
    for incident, state, count in connection.execute(fires):
        firing[incident] += count
        hushed[incident] += count if state else 0
    return alerts, firing, hushed
