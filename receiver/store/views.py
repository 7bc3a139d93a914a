"""What is read from the store: for the metrics and for the inbox page."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from receiver.store.records import Posted, Queue
from receiver.store.schema import SETTLED, Instant, deliveries, incidents, owed


def queues(connection: Connection) -> list[Queue]:
    """Count what each channel is owed."""
    oldest = func.min(deliveries.c.accepted_at, type_=Instant)
    rows = connection.execute(
        select(deliveries.c.channel, func.count(), oldest)
        .where(owed())
        .group_by(deliveries.c.channel)
    )
    return [Queue(*row) for row in rows]


def open_incidents(connection: Connection) -> int:
    """Count the incidents in which something still fires; those that are one count as one."""
    is_open = incidents.c.resolved_at.is_(None) & incidents.c.head.is_(None)
    return connection.execute(select(func.count()).where(is_open)).scalar_one()


def posted(
    connection: Connection,
    channels: Sequence[str],
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int,
) -> list[Posted]:
    """Return up to `limit` messages sent to the channels, newest first, within (after, before)."""
    columns = (getattr(deliveries.c, name) for name in Posted.__dataclass_fields__)
    query = select(*columns).where(deliveries.c.state == "sent", SETTLED)
    # What another message told has no words of its own.
    query = query.where(deliveries.c.channel.in_(channels), deliveries.c.title.is_not(None))
    if before is not None:
        query = query.where(deliveries.c.id < before)
    if after is not None:
        query = query.where(deliveries.c.id > after)
    rows = connection.execute(query.order_by(deliveries.c.id.desc()).limit(limit))
    return [Posted(*row) for row in rows]
