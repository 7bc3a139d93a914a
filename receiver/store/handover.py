"""What one channel owes is handed over to another, which takes its place."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from receiver.store import bell
from receiver.store.records import Line
from receiver.store.schema import deliveries, owed

FELL_BACK = "fell_back"
_MOST = 1_000


def hand_over(connection: Connection, numbers: Sequence[int], channel: str, now: datetime) -> None:
    """Let `channel` owe these messages, unless it is told of the same webhook anyway."""
    if not numbers:
        return
    rows = connection.execute(
        select(deliveries).where(deliveries.c.id.in_(numbers)).order_by(deliveries.c.id)
    ).all()
    told = _told(connection, [row.webhook for row in rows], channel)
    for row in rows:
        other = told.get(row.webhook) or owe(connection, row, channel, row.accepted_at, now)
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == row.id)
            .values(state="suppressed", reason=FELL_BACK, within=other, settled_at=now, lease=None)
        )
    bell.ring(connection, [channel])


def _told(connection: Connection, told: Sequence[int], channel: str) -> dict[int, int]:
    """Return which delivery tells the channel of a webhook anyway."""
    rows = connection.execute(
        select(deliveries.c.webhook, deliveries.c.id)
        .where(deliveries.c.webhook.in_(told), deliveries.c.channel == channel)
        .where(deliveries.c.state != "dead")
    )
    return {row.webhook: row.id for row in rows}


def owe(
    connection: Connection, row: Row[Any], channel: str, accepted_at: datetime, now: datetime
) -> int:
    """Let `channel` owe at once what a delivery tells; returns the new one's number."""
    owed = insert(deliveries).values(
        webhook=row.webhook,
        incident=row.incident,
        channel=channel,
        state="owed",
        reason="",
        urgent=row.urgent,
        attempts=0,
        accepted_at=accepted_at,
        not_before=now,
    )
    return int(connection.execute(owed.returning(deliveries.c.id)).scalar_one())


def sweep(connection: Connection, line: Line, now: datetime) -> int:
    """Hand over what a channel owes and nobody has claimed; returns how many messages."""
    free = or_(deliveries.c.lease.is_(None), deliveries.c.lease <= now)
    numbers = connection.scalars(
        select(deliveries.c.id)
        .where(deliveries.c.channel == line.channel, owed(), free)
        .order_by(deliveries.c.id)
        .limit(_MOST)
        .with_for_update(skip_locked=True)
    ).all()
    hand_over(connection, numbers, line.fallback, now)
    return len(numbers)
