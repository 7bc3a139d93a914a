"""What happened to an incident, from its opening on."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select
from sqlalchemy.sql.elements import ColumnElement

from receiver.store import joining
from receiver.store.people import audit, comments
from receiver.store.repairs import runs
from receiver.store.schema import deliveries, episodes, incidents, reopenings

MOST = 500
"""Events of one kind that are told, the latest."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `who` did it, or is the channel of a message; `what` was said.

    `kind` is opened, reopened, joined, firing, resolved, message, act, comment, response or over.
    Of an alert, `what` is its fingerprint; of a message or a response, `state` and `reason` say
    what became of it, and `number` is its own; of an incident of another group that joined, `what`
    is its title.
    """

    at: datetime
    kind: str
    who: str = ""
    what: str = ""
    state: str = ""
    reason: str = ""
    number: int | None = None


def tell(connection: Connection, incident: int) -> list[Event]:
    """Return what happened to an incident and to those that are one with it, in order."""
    numbers = joining.together(connection, incident)
    events = [
        *_life(connection, numbers),
        *_alerts(connection, numbers),
        *_messages(connection, numbers),
        *_people(connection, numbers),
        *_responses(connection, numbers),
    ]
    return sorted(events, key=lambda event: event.at)


def _life(connection: Connection, numbers: Sequence[int]) -> Iterator[Event]:
    query = select(incidents).where(incidents.c.id.in_(numbers))
    for row in connection.execute(query):
        if row.head is not None:
            yield Event(row.joined_at, "joined", what=row.title, number=row.id)
            continue
        yield Event(row.opened_at, "opened")
        if row.resolved_at is not None:
            yield Event(row.resolved_at, "over")
    again = select(reopenings).join(incidents).where(reopenings.c.incident.in_(numbers))
    for row in connection.execute(again.where(incidents.c.head.is_(None))):
        yield Event(row.over_at, "over")
        yield Event(row.at, "reopened")


def _alerts(connection: Connection, numbers: Sequence[int]) -> Iterator[Event]:
    query = select(episodes).where(episodes.c.incident.in_(numbers))
    for row in connection.execute(query.order_by(episodes.c.starts_at.desc()).limit(MOST)):
        yield Event(row.starts_at, "firing", what=row.fingerprint)
        if row.ends_at is not None:
            yield Event(row.ends_at, "resolved", what=row.fingerprint)


def _messages(connection: Connection, numbers: Sequence[int]) -> Iterator[Event]:
    for row in _latest(connection, deliveries, deliveries.c.incident.in_(numbers)):
        at, told = row.settled_at or row.accepted_at, (row.state, row.reason, row.id)
        yield Event(at, "message", row.channel, row.title or "", *told)


def _people(connection: Connection, numbers: Sequence[int]) -> Iterator[Event]:
    for row in _latest(connection, comments, comments.c.incident.in_(numbers)):
        yield Event(row.at, "comment", row.who, row.text)
    subjects = [f"incident {number}" for number in numbers]
    of_it = audit.c.subject.in_(subjects) & (audit.c.action != "comment")
    for row in _latest(connection, audit, of_it):
        yield Event(row.at, "act", row.who, row.action, reason=row.detail)


def _responses(connection: Connection, numbers: Sequence[int]) -> Iterator[Event]:
    """Yield each response where it stands now: `who` is its runbook, `what` it acts on."""
    for row in _latest(connection, runs, runs.c.incident.in_(numbers)):
        told = row.state, row.reason, row.id
        yield Event(row.changed_at, "response", row.runbook, row.target, *told)


def _latest(
    connection: Connection, table: Table, where: ColumnElement[bool]
) -> Iterable[Row[tuple[Any, ...]]]:
    query = select(table).where(where).order_by(table.c.id.desc()).limit(MOST)
    return connection.execute(query)
