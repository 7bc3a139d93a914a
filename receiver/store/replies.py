"""What was answered to requests that carry a key, so that one that comes twice acts once.

Writers take turns, on PostgreSQL too (`engine`), so of two requests with a key one is the first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from receiver.store.lane import Lane
from receiver.store.people import replies

LASTING = timedelta(hours=24)
"""How long an answer is kept, and its key means the same request."""
LEASE = timedelta(minutes=2)
"""After which a request without an answer is one whose receiver died; longer than any lasts."""
MOST = 10_000
"""Answers that are kept; of more, the oldest go."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A request: its key with whose it is, what it asks for, and when it began, all as hashes."""

    key: str
    request: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it was given."""

    status: int
    kind: str
    body: bytes


class Stands(StrEnum):
    """Why a request is not to be done."""

    UNDER_WAY = "under way"
    OTHER = "another request had this key"


class Replies:
    """The part of a store that has the answers."""

    def __init__(self, writer: Lane, _: Lane) -> None:
        self._writer = writer

    async def begin(self, mark: Mark) -> Reply | Stands | None:
        """Take a key, and return None; or else the answer that there is, or why there is none."""
        return await self._writer.run(_begin, mark)

    async def keep(self, mark: Mark, reply: Reply) -> None:
        """Keep the answer to a request that has begun, unless another took it over since."""
        await self._writer.run(_keep, mark, reply)

    async def drop(self, mark: Mark) -> None:
        """Let a key go that led to nothing, so that it can be tried again."""
        await self._writer.run(_drop, mark)


def _begin(connection: Connection, mark: Mark) -> Reply | Stands | None:
    forget(connection, mark.at - LASTING, MOST)
    row = connection.execute(select(replies).where(replies.c.key == mark.key)).one_or_none()
    if row is None:
        _make_room(connection)
        values = {"key": mark.key, "request": mark.request, "at": mark.at}
        connection.execute(insert(replies).values(values))
        return None
    if row.request != mark.request:
        return Stands.OTHER
    if row.status is not None:
        return Reply(row.status, row.kind, row.body)
    if mark.at - row.at < LEASE:
        return Stands.UNDER_WAY
    connection.execute(update(replies).where(replies.c.key == mark.key).values(at=mark.at))
    return None


def _make_room(connection: Connection) -> None:
    over = (connection.scalar(select(func.count()).select_from(replies)) or 0) + 1 - MOST
    if over > 0:
        done = select(replies.c.key).where(replies.c.status.is_not(None))
        oldest = list(connection.scalars(done.order_by(replies.c.at).limit(over)))
        connection.execute(delete(replies).where(replies.c.key.in_(oldest)))


def _keep(connection: Connection, mark: Mark, reply: Reply) -> None:
    values = {"status": reply.status, "kind": reply.kind, "body": reply.body}
    connection.execute(update(replies).where(*_own(mark)).values(values))


def _drop(connection: Connection, mark: Mark) -> None:
    connection.execute(delete(replies).where(*_own(mark)))


def _own(mark: Mark) -> tuple[ColumnElement[bool], ...]:
    return replies.c.key == mark.key, replies.c.at == mark.at, replies.c.status.is_(None)


def forget(connection: Connection, before: datetime, most: int) -> int:
    """Forget some answers to what was asked before a time; returns how many."""
    old = select(replies.c.key).where(replies.c.at < before).order_by(replies.c.at).limit(most)
    keys = list(connection.scalars(old))
    connection.execute(delete(replies).where(replies.c.key.in_(keys)))
    return len(keys)
