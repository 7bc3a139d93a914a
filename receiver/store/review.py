"""What was in a stretch of time: its incidents, and what became of its messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from receiver.store.lane import Lane
from receiver.store.numbering import first
from receiver.store.people import acknowledgements
from receiver.store.reopening import Rest, rests
from receiver.store.schema import deliveries, incidents, webhooks

MOST = 20_000
"""Incidents that are looked at, the newest; what goes beyond is said."""


@dataclass(frozen=True, slots=True)
class Past:
    """An incident as far as a review needs it; each time but the first may be none yet.

    In the `rests` it was over until it was opened again.
    """

    id: int
    title: str
    severity: str
    opened: datetime
    resolved: datetime | None = None
    acknowledged: datetime | None = None
    rests: tuple[Rest, ...] = ()


@dataclass(frozen=True, slots=True)
class Fate:
    """How many messages of a channel came to this state, and for which reason."""

    channel: str
    state: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Review:
    """What was between two times; `clipped` where there were more incidents than MOST.

    `oldest` is the first of all that is kept: what was before it nobody knows any longer.
    """

    incidents: Sequence[Past]
    fates: Sequence[Fate]
    clipped: bool
    oldest: datetime | None


class Reviewing:
    """The part of a store that looks back over a stretch of time."""

    def __init__(self, reader: Lane) -> None:
        self._reader = reader

    async def look(self, since: datetime, begin: datetime, end: datetime) -> Review:
        """Return the incidents that were open between the first and the last of these times.

        And the messages that were owed from the second on.
        """
        return await self._reader.run(_look, since, begin, end)


def _look(connection: Connection, since: datetime, begin: datetime, end: datetime) -> Review:
    found = _incidents(connection, since, end)
    first = select(webhooks.c.received_at).order_by(webhooks.c.id).limit(1)
    oldest = connection.scalar(first)
    return Review(found[:MOST], _fates(connection, begin, end), len(found) > MOST, oldest)


def _incidents(connection: Connection, since: datetime, end: datetime) -> list[Past]:
    columns = (
        *(incidents.c[name] for name in ("id", "title", "severity")),
        incidents.c.opened_at.label("opened"),
        incidents.c.resolved_at.label("resolved"),
        acknowledgements.c.first_at.label("acknowledged"),
    )
    lasted = or_(incidents.c.resolved_at.is_(None), incidents.c.resolved_at > since)
    theirs = and_(
        lasted,
        incidents.c.opened_at < end,
        incidents.c.group_key.not_like("tocsin:%"),
        incidents.c.head.is_(None),
    )
    query = (
        select(*columns)
        .select_from(incidents.outerjoin(acknowledgements))
        .where(theirs)
        .order_by(incidents.c.id.desc())
        .limit(MOST + 1)
    )
    between = rests(connection, theirs)
    return [
        Past(**row, rests=between.get(row["id"], ()))
        for row in connection.execute(query).mappings()
    ]


def _fates(connection: Connection, begin: datetime, end: datetime) -> list[Fate]:
    key = (deliveries.c.channel, deliveries.c.state, deliveries.c.reason)
    accepted = deliveries.c.accepted_at
    late = deliveries.c.webhook >= first(connection, webhooks.c.received_at, begin)
    query = select(*key, func.count()).where(late, accepted >= begin, accepted < end)
    return [Fate(*row) for row in connection.execute(query.group_by(*key).order_by(*key))]
