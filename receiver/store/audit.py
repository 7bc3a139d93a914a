"""Who changed what, and when: rows that are only added to, each of which seals those before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, delete, insert, select, type_coerce

from receiver.store.chain import link
from receiver.store.lane import Lane
from receiver.store.people import audit, audit_start
from receiver.store.schema import EPOCH

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that somebody changed: `who` is a token's name, or `tocsin` for the receiver.

    `subject` is what was changed and `detail` how; neither holds a secret.
    """

    who: str
    action: str
    subject: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A change in the audit, with its number and its time, its hash and that of the row before."""

    id: int
    at: datetime
    change: Change
    hash: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """How many rows follow from each other, and the number of the first that does not, if one.

    `last` is the hash of the last that does: kept elsewhere, it shows that nothing was cut off.
    """

    rows: int
    last: str
    broken: int | None = None


class Auditing:
    """The part of a store that shows that its audit is whole."""

    def __init__(self, reader: Lane) -> None:
        self._reader = reader

    async def verify(self) -> Verified:
        """Read all of it, and look whether each row follows from the one before."""
        return await self._reader.run(_verify)

    async def after(self, number: int, limit: int) -> list[Entry]:
        """Return up to `limit` changes after one, oldest first, with their hashes."""
        return await self._reader.run(_after, number, limit)


def note(connection: Connection, change: Change, at: datetime) -> None:
    """Write a change down; to be called in the transaction that makes it.

    All such transactions take turns, over all receivers, so none comes between the last row and
    this one.
    """
    values = (change.who, change.action, change.subject, change.detail)
    moment = (at - EPOCH) // _MICROSECOND
    own = link(_last(connection), (moment, *values))
    names = ("who", "action", "subject", "detail")
    row = dict(zip(names, values, strict=True)) | {"at": at, "hash": own}
    connection.execute(insert(audit), row)


def _last(connection: Connection) -> str:
    """Return the hash of the last row, or of the last that was forgotten, or nothing."""
    newest = select(audit.c.hash).order_by(audit.c.id.desc()).limit(1)
    found = connection.scalar(newest)
    return _start(connection) if found is None else found


def _start(connection: Connection) -> str:
    return connection.scalar(select(audit_start.c.hash)) or ""


def forget(connection: Connection, before: datetime, most: int) -> int:
    """Forget some changes from before a time, the oldest first; returns how many.

    What comes after one that stays does too, though a clock that was set back made it older.
    """
    young = select(audit.c.id).where(audit.c.at >= before).order_by(audit.c.id).limit(1)
    first, old = connection.scalar(young), select(audit.c.id, audit.c.hash).order_by(audit.c.id)
    old = old if first is None else old.where(audit.c.id < first)
    rows = connection.execute(old.limit(most)).all()
    if rows:
        connection.execute(delete(audit).where(audit.c.id <= rows[-1].id))
        connection.execute(delete(audit_start))
        connection.execute(insert(audit_start), {"hash": rows[-1].hash})
    return len(rows)


def entries(connection: Connection, *, before: int | None, limit: int) -> list[Entry]:
    """Return up to `limit` changes, newest first, older than number `before`."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [_entry(row) for row in connection.execute(query)]


def _entry(row: Row[Any], before: str = "") -> Entry:
    change = Change(row.who, row.action, row.subject, row.detail)
    return Entry(row.id, row.at, change, row.hash, before)


def _after(connection: Connection, number: int, limit: int) -> list[Entry]:
    older = select(audit.c.hash).where(audit.c.id <= number).order_by(audit.c.id.desc()).limit(1)
    before = connection.scalar(older) or _start(connection)
    query = select(audit).where(audit.c.id > number).order_by(audit.c.id).limit(limit)
    found = []
    for row in connection.execute(query):
        found.append(_entry(row, before))
        before = row.hash
    return found


def _verify(connection: Connection) -> Verified:
    last, count = _start(connection), 0
    for row in _raw(connection):
        if link(last, row[2:]) != row.hash:
            return Verified(count, last, row.id)
        last, count = row.hash, count + 1
    return Verified(count, last)


def _raw(connection: Connection) -> Iterator[Row[Any]]:
    said = (audit.c.who, audit.c.action, audit.c.subject, audit.c.detail)
    columns = (audit.c.id, audit.c.hash, type_coerce(audit.c.at, BigInteger), *said)
    return iter(connection.execute(select(*columns).order_by(audit.c.id)))
