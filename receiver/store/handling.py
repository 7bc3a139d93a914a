"""What people did about incidents, and the key that seals the links by which they do."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from receiver.model import Act
from receiver.store import audit, joining
from receiver.store.audit import Change
from receiver.store.lane import Lane
from receiver.store.people import acknowledgements, comments
from receiver.store.schema import incidents, keys

MOST_REMARKS = 500
_LINKS = "links"
_KEY = 32
"""Bytes of a key: as many as its hash has (RFC 2104, 3)."""


@dataclass(frozen=True, slots=True)
class Handled:
    """How an incident stands with people: whether it is open, and who took it, if anybody.

    Where it joined another, that is how the other stands. It was `reopened` so often.
    """

    is_open: bool
    taken: Act | None = None
    reopened: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody says of an incident."""

    at: datetime
    who: str
    text: str


class Handling:
    """The part of a store that people change."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def key(self) -> bytes:
        """Return the key of links, which is made once for all receivers of this store."""
        return await self._writer.run(_key)

    async def handled(self, incident: int, now: datetime) -> Handled | None:
        """Return how an incident stands now; None where there is none of this number."""
        return await self._reader.run(_handled, incident, now)

    async def acknowledge(self, incident: int, act: Act, change: Change) -> Handled | None:
        """Note that somebody has an open incident, unless somebody has; returns how it stood."""
        return await self._writer.run(_acknowledge, incident, act, change)

    async def comment(self, incident: int, remark: Remark, change: Change) -> bool | None:
        """Keep what somebody says of an incident; false where it has MOST_REMARKS already.

        None where there is none of this number.
        """
        return await self._writer.run(_comment, incident, remark, change)


def _key(connection: Connection) -> bytes:
    found = connection.scalar(select(keys.c.value).where(keys.c.name == _LINKS))
    if found is None:
        found = secrets.token_bytes(_KEY)
        connection.execute(insert(keys).values(name=_LINKS, value=found))
    return bytes(found)


def _handled(connection: Connection, incident: int, now: datetime) -> Handled | None:
    heads = incidents.alias()
    had = acknowledgements.c.incident == heads.c.id
    own = heads.c.id == func.coalesce(incidents.c.head, incidents.c.id)
    query = (
        select(
            heads.c.resolved_at,
            incidents.c.reopened,
            acknowledgements.c.who,
            acknowledgements.c.at,
            acknowledgements.c.until,
            acknowledgements.c.comment,
        )
        .select_from(incidents.join(heads, own).outerjoin(acknowledgements, had))
        .where(incidents.c.id == incident)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    holds = row.who and (row.until is None or row.until > now)
    taken = Act("acknowledge", row.who, row.at, row.until, row.comment) if holds else None
    return Handled(row.resolved_at is None, taken, row.reopened)


def _acknowledge(connection: Connection, incident: int, act: Act, change: Change) -> Handled | None:
    stood = _handled(connection, incident, act.at)
    if stood is not None and stood.is_open and stood.taken is None:
        head = joining.head_of(connection, incident)
        row = {"incident": head, "who": act.who, "at": act.at, "until": act.until}
        ended = acknowledgements.c.incident == head
        first = connection.scalar(select(acknowledgements.c.first_at).where(ended)) or act.at
        connection.execute(delete(acknowledgements).where(ended))
        row |= {"comment": act.detail, "first_at": first}
        connection.execute(insert(acknowledgements).values(row))
        audit.note(connection, change, act.at)
    return stood


def _comment(connection: Connection, incident: int, remark: Remark, change: Change) -> bool | None:
    if connection.scalar(select(incidents.c.id).where(incidents.c.id == incident)) is None:
        return None
    count = select(func.count()).where(comments.c.incident == incident)
    if (connection.scalar(count) or 0) >= MOST_REMARKS:
        return False
    row = {"incident": incident, "at": remark.at, "who": remark.who, "text": remark.text}
    connection.execute(insert(comments).values(row))
    audit.note(connection, change, remark.at)
    return True
