"""Incidents as people look them up: many at once, and one with all that happened to it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Row, Select, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from receiver.model import OF_NONE, Act, Status
from receiver.store import timeline
from receiver.store.lane import Lane
from receiver.store.people import acknowledgements
from receiver.store.schema import episodes, incidents, standings
from receiver.store.summary import Summary, summarise
from receiver.store.timeline import Event

STATES = ("open", "acknowledged", "silenced", "resolved")
_ESCAPE = "\\"
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
class Incident:
    """An incident: its worst severity so far, how many of its alerts fire, and how many are hidden.

    `taken` is who has it; `firing` counts alerts, and `hushed` those of them that a silence hides.
    It was `reopened` so often, the last time at `reopened_at`.
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
        """Return one; None where there is none of this number."""
        return await self._reader.run(_look_up, number, now)

    async def timeline(self, number: int) -> list[Event]:
        """Return what happened to one, in order; of much, the latest."""
        return await self._reader.run(timeline.tell, number)

    async def summarise(self, since: datetime) -> Summary:
        """Return what began since a time in numbers."""
        return await self._reader.run(summarise, since)


def _find(connection: Connection, wanted: Wanted, now: datetime) -> list[Incident]:
    query = _query(now).where(incidents.c.group_key.not_like(f"{OF_NONE}%"))
    query = query.order_by(incidents.c.id.desc()).limit(wanted.limit)
    if wanted.state:
        query = query.where(_in_state(wanted.state))
    if wanted.severity:
        query = query.where(incidents.c.severity == wanted.severity)
    if wanted.before is not None:
        query = query.where(incidents.c.id < wanted.before)
    for word in wanted.words:
        query = query.where(_says(word))
    return _counted(connection, [_incident(row) for row in connection.execute(query)])


def _look_up(connection: Connection, number: int, now: datetime) -> Incident | None:
    found = connection.execute(_query(now).where(incidents.c.id == number)).all()
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
    fires = select(episodes.c.fingerprint).where(
        episodes.c.incident == incidents.c.id, episodes.c.status == Status.FIRING.value
    )
    return fires.where(hidden.exists() if stands else ~hidden.exists()).exists()


def _says(word: str) -> ColumnElement[bool]:
    """Whether a word is in what it is about, in whatever case; `%` and `_` are letters like any."""
    text = func.lower(incidents.c.title + " " + incidents.c.about)
    return text.contains(word.lower(), autoescape=True, escape=_ESCAPE)


def _incident(row: Row[tuple[object, ...]]) -> Incident:
    values = row._mapping  # noqa: SLF001 -- SQLAlchemy's public name
    said = (values[name] for name in ("who", "at", "until", "comment"))
    taken = Act("acknowledge", *said) if values["who"] else None
    return Incident(**{name: values[name] for name in _PLAIN}, taken=taken)


def _counted(connection: Connection, found: Iterable[Incident]) -> list[Incident]:
    """Add how many alerts each has, which fire and which are hidden."""
    each = list(found)
    alerts, firing, hushed = _count(connection, [one.id for one in each])
    return [
        replace(one, alerts=alerts[one.id], firing=firing[one.id], hushed=hushed[one.id])
        for one in each
    ]


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
