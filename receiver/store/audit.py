"""Who changed what, and when."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from receiver.store.people import audit


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
    """A change in the audit, with its number and its time."""

    id: int
    at: datetime
    change: Change


def note(connection: Connection, change: Change, at: datetime) -> None:
    """Write a change down; to be called in the transaction that makes it."""
    connection.execute(
        insert(audit).values(
            at=at,
            who=change.who,
            action=change.action,
            subject=change.subject,
            detail=change.detail,
        )
    )


def forget(connection: Connection, before: datetime, most: int) -> int:
    """Forget some changes from before a time, the oldest first; returns how many."""
    old = select(audit.c.id).where(audit.c.at < before).order_by(audit.c.id).limit(most)
    numbers = list(connection.scalars(old))
    connection.execute(delete(audit).where(audit.c.id.in_(numbers)))
    return len(numbers)


def entries(connection: Connection, *, before: int | None, limit: int) -> list[Entry]:
    """Return up to `limit` changes, newest first, older than number `before`."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [
        Entry(row.id, row.at, Change(row.who, row.action, row.subject, row.detail))
        for row in connection.execute(query)
    ]
