"""What fires anew after all of a group was over: the same incident once more, or another one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, delete, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from receiver.store import bulk
from receiver.store.people import acknowledgements, escalations
from receiver.store.schema import incidents, reopenings

MOST = 50
"""Times that one is opened again: what goes on so is no end that did not hold."""

Life = Literal["reopened", "off", "late", "worn"]
"""`late` comes what comes after the time for it, and `worn` is what was opened again too often."""
Rest = tuple[datetime, datetime]
"""Since when an incident was over, and when it was opened again."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An incident that is over, and how often it was opened again before.

    What fires `within` so long after its end opens it once more, and with it the `head` that it
    joined.
    """

    incident: int
    over_at: datetime
    reopened: int = 0
    within: timedelta = timedelta()
    head: int | None = None


Reopening = tuple[Ended, datetime]
"""Which is opened again, and when."""


def life(ended: Ended, now: datetime) -> Life:
    """Say whether what fires now is the incident that ended, and if not, why (pure).

    A clock that was set back makes no incident late.
    """
    if not ended.within:
        return "off"
    if now - ended.over_at > ended.within:
        return "late"
    return "worn" if ended.reopened >= MOST else "reopened"


def reopen(connection: Connection, again: Sequence[Reopening]) -> None:
    """Open incidents again.

    Whoever had it had it until it was over, and who is asked next is asked from the start.
    """
    for ended, now in again:
        mine = incidents.c.id == ended.incident
        once_more = {"reopened": ended.reopened + 1, "reopened_at": now, "resolved_at": None}
        connection.execute(update(incidents).where(mine).values(once_more))
        until, theirs = acknowledgements.c.until, acknowledgements.c.incident == ended.incident
        held = or_(until.is_(None), until > min(ended.over_at, now))
        over = {"until": min(ended.over_at, now)}
        connection.execute(update(acknowledgements).where(theirs, held).values(over))
        connection.execute(delete(escalations).where(escalations.c.incident == ended.incident))
    rows = [
        {
            "incident": ended.incident,
            "number": ended.reopened + 1,
            "over_at": ended.over_at,
            "at": now,
        }
        for ended, now in again
    ]
    bulk.add(connection, reopenings, rows)
    for ended, now in again:
        if ended.head and (head := _ended(connection, ended.head)):
            reopen(connection, [(head, now)])


def _ended(connection: Connection, incident: int) -> Ended | None:
    names = ("id", "resolved_at", "reopened")
    is_over = (incidents.c.id == incident) & incidents.c.resolved_at.is_not(None)
    row = connection.execute(select(*(incidents.c[n] for n in names)).where(is_over)).one_or_none()
    return Ended(*row) if row else None


def rests(connection: Connection, which: ColumnElement[bool]) -> dict[int, tuple[Rest, ...]]:
    """Return when such incidents were over in between, in order, of those that were."""
    found: defaultdict[int, tuple[Rest, ...]] = defaultdict(tuple)
    query = select(reopenings).join(incidents).where(which)
    for row in connection.execute(query.order_by(reopenings.c.incident, reopenings.c.number)):
        found[row.incident] += ((row.over_at, row.at),)
    return dict(found)
