"""What is open or owed, as the auditor looks at it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from receiver.model import Status
from receiver.store import standings
from receiver.store.schema import (
    EPOCH,
    Instant,
    attempts,
    deliveries,
    episodes,
    gates,
    incidents,
    owed,
)
from receiver.store.standings import Heard

_RECENT = 2_000
"""Attempts that are looked at: of a channel that is at work, the latest is among them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that must have a next step.

    `due` is since when a channel's most overdue message could have been sent, by channel;
    `tried` when a channel last tried; `rests` until when a destination is left alone. `incidents`
    are those that are open, and `hollow` those of them in which nothing fires.
    """

    due: Mapping[str, datetime]
    tried: Mapping[str, datetime]
    rests: Mapping[str, datetime]
    incidents: Mapping[int, Heard]
    hollow: Sequence[int]


def look_for_facts(connection: Connection) -> Facts:
    """Look everything up."""
    return Facts(
        _due(connection),
        _tried(connection),
        _rests(connection),
        _waiting(connection),
        _hollow(connection),
    )


def _waiting(connection: Connection) -> dict[int, Heard]:
    """Return what is open by itself: a head may be so by what joined it alone, which is looked at.

    And is looked at itself once that is over.
    """
    members = incidents.c.head.is_not(None) & incidents.c.resolved_at.is_(None)
    heads = {*connection.scalars(select(incidents.c.head).where(members))}
    every = standings.open_incidents(connection)
    return {number: heard for number, heard in every.items() if number not in heads}


def _due(connection: Connection) -> dict[str, datetime]:
    since = func.coalesce(deliveries.c.lease, deliveries.c.not_before, type_=Instant)
    rows = connection.execute(
        select(deliveries.c.channel, func.min(since, type_=Instant))
        .where(owed())
        .group_by(deliveries.c.channel)
    )
    return {row[0]: row[1] for row in rows}


def _tried(connection: Connection) -> dict[str, datetime]:
    newest = connection.scalar(select(func.max(attempts.c.id))) or 0
    rows = connection.execute(
        select(deliveries.c.channel, func.max(attempts.c.started_at, type_=Instant))
        .join(attempts)
        .where(attempts.c.id > newest - _RECENT)
        .group_by(deliveries.c.channel)
    )
    return {row[0]: row[1] for row in rows}


def _rests(connection: Connection) -> dict[str, datetime]:
    return {
        row.destination: max(row.paused_until or EPOCH, row.open_until or EPOCH)
        for row in connection.execute(select(gates))
    }


def _hollow(connection: Connection) -> list[int]:
    fires = select(episodes.c.incident).where(
        episodes.c.incident == incidents.c.id, episodes.c.status == Status.FIRING.value
    )
    members = incidents.alias()
    joined = select(members.c.id).where(
        members.c.head == incidents.c.id, members.c.resolved_at.is_(None)
    )
    is_open = incidents.c.resolved_at.is_(None)
    hollow = select(incidents.c.id).where(is_open, ~fires.exists(), ~joined.exists())
    return list(connection.scalars(hollow))
