"""What happened to an incident, from its opening on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select
from sqlalchemy.sql.elements import ColumnElement

from receiver.store.people import audit, comments
from receiver.store.schema import deliveries, episodes, incidents, reopenings

MOST = 500
"""Events of one kind that are told, the latest."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `who` did it, or is the channel of a message; `what` was said.

    `kind` is opened, reopened, firing, resolved, message, act, comment or over. Of an alert,
    `what` is its fingerprint; of a message, `state` and `reason` say what became of it, and
    `number` is its own.
    """

    at: datetime
    kind: str
    who: str = ""
    what: str = ""
    state: str = ""
    reason: str = ""
    number: int | None = None


def tell(connection: Connection, incident: int) -> list[Event]:
    """Return what happened, in order."""
    events = [
        *_life(connection, incident),
        *_alerts(connection, incident),
        *_messages(connection, incident),
        *_people(connection, incident),
    ]
    return sorted(events, key=lambda event: event.at)


def _life(connection: Connection, incident: int) -> Iterator[Event]:
    query = select(incidents).where(incidents.c.id == incident)
    for row in connection.execute(query):
        yield Event(row.opened_at, "opened")
        if row.resolved_at is not None:
            yield Event(row.resolved_at, "over")
    again = select(reopenings).where(reopenings.c.incident == incident)
    for row in connection.execute(again):
        yield Event(row.over_at, "over")
        yield Event(row.at, "reopened")


def _alerts(connection: Connection, incident: int) -> Iterator[Event]:
    query = select(episodes).where(episodes.c.incident == incident)
    for row in connection.execute(query.order_by(episodes.c.starts_at.desc()).limit(MOST)):
        yield Event(row.starts_at, "firing", what=row.fingerprint)
        if row.ends_at is not None:
            yield Event(row.ends_at, "resolved", what=row.fingerprint)


def _messages(connection: Connection, incident: int) -> Iterator[Event]:
    for row in _latest(connection, deliveries, deliveries.c.incident == incident):
        at, told = row.settled_at or row.accepted_at, (row.state, row.reason, row.id)
        yield Event(at, "message", row.channel, row.title or "", *told)


def _people(connection: Connection, incident: int) -> Iterator[Event]:
    for row in _latest(connection, comments, comments.c.incident == incident):
        yield Event(row.at, "comment", row.who, row.text)
    of_it = (audit.c.subject == f"incident {incident}") & (audit.c.action != "comment")
    for row in _latest(connection, audit, of_it):
        yield Event(row.at, "act", row.who, row.action, reason=row.detail)


def _latest(
    connection: Connection, table: Table, where: ColumnElement[bool]
) -> Iterable[Row[tuple[Any, ...]]]:
    query = select(table).where(where).order_by(table.c.id.desc()).limit(MOST)
    return connection.execute(query)
