"""What people say of alerts: useful, noise, late; and what they missed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, delete, func, insert, select
from sqlalchemy.sql.elements import ColumnElement

from receiver.model import Status
from receiver.store import audit
from receiver.store.audit import Change
from receiver.store.lane import Lane
from receiver.store.numbering import first
from receiver.store.people import acknowledgements, missed, verdicts
from receiver.store.reopening import Rest, rests
from receiver.store.schema import Instant, episodes, incidents

MOST_MISSED = 1_000
"""Alerts that somebody missed, of which so many are kept."""
_MOST = 20_000
"""Incidents that are looked at, the newest."""


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says: of an incident a verdict, or that `rule` should have told of something.

    `at` is when it was said, or when the alert should have come.
    """

    at: datetime
    who: str
    verdict: str = ""
    rule: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """An incident with what people did and said about it, and when it was over in between."""

    rule: str
    group: str
    opened_at: datetime
    resolved_at: datetime | None
    taken: bool
    verdict: str
    rests: tuple[Rest, ...] = ()
    about: str = ""


class Verdicts:
    """The part of a store that knows what people thought of alerts."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def judge(self, incident: int, said: Said, change: Change) -> bool:
        """Keep a verdict, the last word on its incident; false where there is none."""
        return await self._writer.run(_judge, incident, said, change)

    async def miss(self, said: Said, change: Change, now: datetime) -> bool:
        """Keep what somebody missed; false where there are too many."""
        return await self._writer.run(_miss, said, change, now)

    async def judged(self, since: datetime) -> list[Judged]:
        """Return the incidents that began since a time, the newest first, up to a bound."""
        return await self._reader.run(_judged, since)

    async def missed(self, since: datetime) -> list[str]:
        """Return the rule of each alert that was missed since a time."""
        return await self._reader.run(_missed, since)

    async def of(self, incident: int) -> str:
        """Return what was said of an incident, or nothing."""
        return await self._reader.run(_of, incident)


def _judge(connection: Connection, incident: int, said: Said, change: Change) -> bool:
    if connection.scalar(select(incidents.c.id).where(incidents.c.id == incident)) is None:
        return False
    connection.execute(delete(verdicts).where(verdicts.c.incident == incident))
    row = {"verdict": said.verdict, "at": said.at, "who": said.who, "note": said.note}
    connection.execute(insert(verdicts).values(incident=incident, **row))
    audit.note(connection, change, said.at)
    return True


def _miss(connection: Connection, said: Said, change: Change, now: datetime) -> bool:
    if (connection.scalar(select(func.count()).select_from(missed)) or 0) >= MOST_MISSED:
        return False
    row = {"rule": said.rule, "at": said.at, "who": said.who, "note": said.note}
    connection.execute(insert(missed).values(row))
    audit.note(connection, change, now)
    return True


def _judged(connection: Connection, since: datetime) -> list[Judged]:
    had = acknowledgements.c.incident == func.coalesce(incidents.c.head, incidents.c.id)
    beside = incidents.outerjoin(acknowledgements, had).outerjoin(
        verdicts, verdicts.c.incident == incidents.c.id
    )
    theirs = incidents.c.id >= first(connection, incidents.c.opened_at, since)
    theirs &= (incidents.c.opened_at >= since) & incidents.c.group_key.not_like("tocsin:%")
    between, ends = rests(connection, theirs), _own_ends(connection, theirs)
    query = (
        select(
            incidents.c.id,
            *(incidents.c[n] for n in ("title", "group_hash", "opened_at", "resolved_at")),
            incidents.c.about,
            acknowledgements.c.who,
            verdicts.c.verdict,
        )
        .select_from(beside)
        .where(theirs)
        .order_by(incidents.c.id.desc())
        .limit(_MOST)
    )
    found = []
    for row in connection.execute(query):
        end, pauses = ends.get(row.id, row.resolved_at), between.get(row.id, ())
        if end is not None and row.id in ends:
            pauses = tuple(each for each in pauses if each[1] <= end)
        said = (row.who is not None, row.verdict or "", pauses, row.about)
        found.append(Judged(row.title, row.group_hash, row.opened_at, end, *said))
    return found


def _own_ends(connection: Connection, which: ColumnElement[bool]) -> dict[int, datetime | None]:
    """Return when the alerts of heads were over, whose incidents last as long as what joined."""
    fires = func.sum(case((episodes.c.status == Status.FIRING.value, 1), else_=0))
    last = func.max(episodes.c.ends_at, type_=Instant)
    query = select(incidents.c.id, fires, last).join(
        episodes, episodes.c.incident == incidents.c.id
    )
    rows = connection.execute(query.where(which, incidents.c.members > 0).group_by(incidents.c.id))
    return {number: None if burning else end for number, burning, end in rows}


def _missed(connection: Connection, since: datetime) -> list[str]:
    return list(connection.scalars(select(missed.c.rule).where(missed.c.at >= since)))


def _of(connection: Connection, incident: int) -> str:
    query = select(verdicts.c.verdict).where(verdicts.c.incident == incident)
    return connection.scalar(query) or ""
