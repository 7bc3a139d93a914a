"""How far each open incident has been escalated: who tells a step notes it in one transaction.

So a step is told once, whenever the process dies and however many receivers share the store.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    and_,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from receiver.model import OF_NONE, Status
from receiver.store import accept, audit
from receiver.store.audit import Change
from receiver.store.keeping import Letter
from receiver.store.lane import Lane
from receiver.store.people import acknowledgements, escalations
from receiver.store.quiet import said
from receiver.store.schema import episodes, incidents, standings, webhooks


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an incident is: `told` steps of a policy since a time, all rounds counted together.

    `rests` is the reason for which it rests now, if it does, and `ended` the end of an
    acknowledgement that was taken note of.
    """

    policy: str
    since: datetime
    told: int = 0
    told_at: datetime | None = None
    rests: str = ""
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """An open incident: who took it when and until when, and whether silences hide all that fires.

    `webhook` is the number of its newest one, 0 where none is kept. `members` are those that
    joined it and are open.
    """

    incident: int
    opened_at: datetime
    title: str
    severity: str
    receiver: str
    group_key: str
    webhook: int = 0
    taken_at: datetime | None = None
    taken_until: datetime | None = None
    silenced: bool = False
    progress: Progress | None = None
    reopened_at: datetime | None = None
    members: tuple[int, ...] = ()

    @property
    def since(self) -> datetime:
        """Since when it is open."""
        return self.reopened_at or self.opened_at


@dataclass(frozen=True, slots=True)
class Move:
    """From one progress to the next, and what is told and noted with that, if anything is."""

    pending: Pending
    before: Progress
    after: Progress
    letter: Letter | None = None
    change: Change | None = None


class Escalating:
    """The part of a store that knows how far incidents are escalated."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def pending(self) -> list[Pending]:
        """Return all open incidents, oldest first."""
        return await self._reader.run(_pending)

    async def set_back(self, now: datetime) -> timedelta:
        """Note that it is looked now; returns by how much the clock was set back since.

        By so much what each incident waits for was moved, so that it is waited for no longer.
        """
        return await self._writer.run(_set_back, now)

    async def begin(self, begun: Mapping[int, Progress]) -> None:
        """Note where incidents start, but for those that have begun."""
        await self._writer.run(_begin, begun)

    async def move(self, move: Move, now: datetime) -> bool:
        """Do it, unless somebody else has, or acknowledged or ended it meanwhile; says whether."""
        return await self._writer.run(_move, move, now)


SKEW = timedelta(seconds=5)
"""A clock that goes back by less was not set: receivers of one store differ a little."""
_LOOKED = "escalations looked at"
_MICROSECOND = timedelta(microseconds=1)
_NAMES = tuple(Progress.__dataclass_fields__)


def _pending(connection: Connection) -> list[Pending]:
    newest = (
        select(func.max(webhooks.c.id)).where(webhooks.c.incident == incidents.c.id)
    ).scalar_subquery()
    acked = acknowledgements.c.incident == incidents.c.id
    begun = escalations.c.incident == incidents.c.id
    query = (
        select(
            incidents,
            newest.label("webhook"),
            acknowledgements.c.at.label("taken_at"),
            acknowledgements.c.until.label("taken_until"),
            *(escalations.c[name] for name in _NAMES),
        )
        .select_from(incidents.outerjoin(acknowledgements, acked).outerjoin(escalations, begun))
        .where(incidents.c.resolved_at.is_(None), incidents.c.group_key.not_like(f"{OF_NONE}%"))
    )
    rows = connection.execute(query.order_by(incidents.c.id)).all()
    newest_of, heads = {row.id: row.webhook or 0 for row in rows}, {}
    for row in rows:
        if row.head is not None:
            heads[row.id] = row.head
    silenced, members = _silenced(connection, heads), defaultdict[int, list[int]](list)
    for number, head in heads.items():
        members[head].append(number)
    return [
        replace(
            _read(row, silenced=row.id in silenced),
            webhook=max(newest_of[number] for number in (row.id, *members[row.id])),
            members=tuple(members[row.id]),
        )
        for row in rows
        if row.head is None
    ]


def _read(row: Row[tuple[object, ...]], *, silenced: bool) -> Pending:
    values = row._mapping  # noqa: SLF001 -- SQLAlchemy's public name
    names = ("opened_at", "title", "severity", "receiver", "group_key", "taken_at", "taken_until")
    begun = values["policy"] is not None
    return Pending(
        incident=values["id"],
        **{name: values[name] for name in names},
        webhook=values["webhook"] or 0,
        silenced=silenced,
        reopened_at=values["reopened_at"],
        progress=Progress(**{name: values[name] for name in _NAMES}) if begun else None,
    )


def _silenced(connection: Connection, heads: Mapping[int, int]) -> set[int]:
    """Return the incidents of which, with what joined them, silences hide all that fires."""
    hidden = and_(
        standings.c.group_hash == episodes.c.group_hash,
        standings.c.fingerprint == episodes.c.fingerprint,
        standings.c.state == "silenced",
    )
    fires = episodes.c.status == Status.FIRING.value
    some = select(episodes.c.incident).join(standings, hidden).where(fires).distinct()
    loud = select(episodes.c.incident).select_from(episodes.outerjoin(standings, hidden))
    kin = {*heads, *heads.values()}
    concerned = or_(episodes.c.incident.in_(some), episodes.c.incident.in_(kin))
    loud = loud.where(fires, standings.c.state.is_(None), concerned)
    hides, fires_on = (
        {heads.get(number, number) for number in connection.scalars(query)}
        for query in (some, loud)
    )
    return hides - fires_on


def _set_back(connection: Connection, now: datetime) -> timedelta:
    mine = said.c.what == _LOOKED
    last = connection.scalar(select(said.c.at).where(mine))
    if last is None:
        connection.execute(insert(said).values(what=_LOOKED, at=now))
        return timedelta()
    back: timedelta = last - now
    if timedelta() <= back < SKEW:
        return timedelta()
    connection.execute(update(said).where(mine).values(at=now))
    if back < timedelta():
        return timedelta()
    columns = (escalations.c.since, escalations.c.told_at)
    earlier = {each: type_coerce(each, BigInteger) - back // _MICROSECOND for each in columns}
    connection.execute(update(escalations).values(earlier))
    return back


def _begin(connection: Connection, begun: Mapping[int, Progress]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    rows = [{"incident": number, **_row(each)} for number, each in begun.items()]
    connection.execute(dialect.insert(escalations).on_conflict_do_nothing(), rows)


def _row(progress: Progress) -> dict[str, object]:
    return {name: getattr(progress, name) for name in _NAMES}


def _move(connection: Connection, move: Move, now: datetime) -> bool:
    number = move.pending.incident
    if move.letter and not _stands_as_seen(connection, move.pending):
        return False
    # Who comes second waits for the first, and then finds nothing to update.
    here = [escalations.c[name].is_not_distinct_from(v) for name, v in _row(move.before).items()]
    done = update(escalations).where(escalations.c.incident == number, *here)
    done = done.values(_row(move.after))
    if connection.scalar(done.returning(escalations.c.incident)) is None:
        return False
    if move.letter:
        about = move.letter.incident or number
        accept.owe(connection, move.letter.webhook, move.letter.channels, about)
    if move.change:
        audit.note(connection, move.change, now)
    return True


def _stands_as_seen(connection: Connection, pending: Pending) -> bool:
    """Whether it is open still, and nobody took it since it was looked at."""
    acked = acknowledgements.c.incident == incidents.c.id
    query = (
        select(incidents.c.resolved_at, acknowledgements.c.at)
        .select_from(incidents.outerjoin(acknowledgements, acked))
        .where(incidents.c.id == pending.incident)
    )
    row = connection.execute(query).one_or_none()
    return row is not None and row.resolved_at is None and row.at == pending.taken_at
