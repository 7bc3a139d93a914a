"""Incidents of several groups that are one by a rule: the first is the head, the others join it.

Each keeps its episodes and its messages; the head is open as long as anything fires in any of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from receiver.model import Status
from receiver.severity import SEVERITIES
from receiver.store.records import Join
from receiver.store.reopening import MOST, Ended, reopen
from receiver.store.schema import episodes, incidents

Why = Literal["joined", "no_rule", "first", "late", "worn"]
"""`first` has nothing to join, `late` comes what comes too long after the head began and is over.

`worn` is a head that was opened again too often.
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest incident that a rule made of what is alike, and which others may join."""

    incident: int
    opened_at: datetime
    severity: str
    over_at: datetime | None = None
    reopened: int = 0


def why(head: Head | None, wanted: Join | None, now: datetime) -> Why:
    """Say whether an incident that opens joins the head, and if not, why (pure)."""
    if wanted is None:
        return "no_rule"
    if head is None:
        return "first"
    if head.over_at is None:
        return "joined"
    if now - head.opened_at > wanted.within:
        return "late"
    return "worn" if head.reopened >= MOST else "joined"


def join(
    connection: Connection, rows: Sequence[dict[str, Any]], joins: Sequence[Join | None]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of incidents that open, each with its head if it joins one.

    A head that is over is opened again by that, and is as urgent as what is most urgent in it.
    """
    heads: dict[str, Head] = {}
    for row, wanted in zip(rows, joins, strict=True):
        key, now = (wanted.key if wanted else None), row["opened_at"]
        head = None
        if key:
            head = heads.get(key) or _newest(connection, key)
        if head is None or why(head, wanted, now) != "joined":
            if key:
                heads[key] = Head(row["id"], now, row["severity"])
            yield row | {"head": None, "joined_at": None, "join_key": key}
            continue
        heads[key or ""] = _take_in(connection, head, row)
        yield row | {"head": head.incident, "joined_at": now, "join_key": None}


def _newest(connection: Connection, key: str) -> Head | None:
    names = ("id", "opened_at", "severity", "resolved_at", "reopened")
    query = select(*(incidents.c[name] for name in names)).where(incidents.c.join_key == key)
    row = connection.execute(query.order_by(incidents.c.id.desc()).limit(1)).one_or_none()
    return Head(*row) if row else None


def _take_in(connection: Connection, head: Head, row: Mapping[str, Any]) -> Head:
    if head.over_at is not None:
        ended = Ended(head.incident, head.over_at, head.reopened)
        reopen(connection, [(ended, row["opened_at"])])
    worst = min(head.severity, row["severity"], key=lambda name: SEVERITIES[name].rank)
    changed = {"members": incidents.c.members + 1, "severity": worst}
    connection.execute(update(incidents).where(incidents.c.id == head.incident).values(changed))
    return Head(head.incident, head.opened_at, worst, None, head.reopened)


def worsen(connection: Connection, worse: Sequence[tuple[int, str]]) -> None:
    """Let heads be at least as urgent as these."""
    for head, severity in worse:
        less = [n for n, each in SEVERITIES.items() if each.rank > SEVERITIES[severity].rank]
        mine = (incidents.c.id == head) & incidents.c.severity.in_(less)
        connection.execute(update(incidents).where(mine).values(severity=severity))


def of_case(head: int) -> ColumnElement[bool]:
    """Select an incident and those that joined it."""
    return or_(incidents.c.id == head, incidents.c.head == head)


def together(connection: Connection, incident: int) -> list[int]:
    """Return the numbers of all that is one with an incident: the head first, and alone itself."""
    head = connection.scalar(select(incidents.c.head).where(incidents.c.id == incident))
    numbers = connection.scalars(select(incidents.c.id).where(of_case(head or incident)))
    return sorted(numbers)


def head_of(connection: Connection, incident: int) -> int | None:
    """Return the head of an incident, itself where it joined none; None where there is none."""
    row = connection.execute(
        select(incidents.c.id, incidents.c.head).where(incidents.c.id == incident)
    ).one_or_none()
    return (row.head or row.id) if row else None


@dataclass(frozen=True, slots=True)
class Kin:
    """What a message of one of several incidents needs to know of the others.

    `thread` is the hash of the head's group, and `also` are the titles of others that fire.
    """

    head: int
    group_hash: str
    also: tuple[str, ...] = ()


def kin(connection: Connection, head: int, incident: int) -> Kin:
    """Return what is beside an incident."""
    fires = select(episodes.c.fingerprint).where(
        episodes.c.incident == incidents.c.id, episodes.c.status == Status.FIRING.value
    )
    others = select(incidents.c.title).where(of_case(head), incidents.c.id != incident)
    also = connection.scalars(others.where(fires.exists()).order_by(incidents.c.id))
    group = select(incidents.c.group_hash).where(incidents.c.id == head)
    return Kin(head, connection.scalar(group) or "", tuple(also))
