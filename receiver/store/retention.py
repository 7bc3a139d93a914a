"""Forgets what is old: webhooks with all that hangs on them, incidents, episodes.

What is owed is never forgotten, nor what still fires. Each call is a short transaction of its
own, for webhooks wait for it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, delete, func, select
from sqlalchemy.sql.elements import ColumnElement

from receiver.model import Status
from receiver.store.people import acknowledgements, comments, escalations, verdicts
from receiver.store.quiet import held
from receiver.store.repairs import consents, run_steps, runs
from receiver.store.schema import (
    attempts,
    deliveries,
    episodes,
    incidents,
    owed,
    places,
    reopenings,
    slices,
    webhooks,
)

_MOMENT = timedelta(microseconds=1)
_SAMPLE = 500
_ROW = 700
"""Bytes that a webhook takes beyond its texts, in its table and in all the indexes."""

_SETTLED = ~(select(deliveries.c.id).where(deliveries.c.webhook == webhooks.c.id, owed()).exists())


Forget = Callable[[Connection, datetime, int], int]


def forget(connection: Connection, before: datetime, most: int, *also: Forget) -> int:
    """Forget some of all that was settled or over before a time; returns how much."""
    steps = (forget_webhooks, forget_episodes, forget_incidents, *also)
    return sum(step(connection, before, most) for step in steps)


def forget_webhooks(connection: Connection, before: datetime, most: int) -> int:
    """Forget the oldest webhooks that came before a time and owe nothing; returns how many."""
    old = select(webhooks.c.id).where(webhooks.c.received_at < before, _SETTLED)
    numbers = list(connection.scalars(old.order_by(webhooks.c.id).limit(most)))
    if numbers:
        told = select(deliveries.c.id).where(deliveries.c.webhook.in_(numbers))
        connection.execute(delete(attempts).where(attempts.c.delivery.in_(told)))
        for table in (deliveries, slices):
            connection.execute(delete(table).where(table.c.webhook.in_(numbers)))
        connection.execute(delete(webhooks).where(webhooks.c.id.in_(numbers)))
    return len(numbers)


def forget_episodes(connection: Connection, before: datetime, most: int) -> int:
    """Forget episodes that ended before a time; returns how many."""
    keys = (episodes.c.group_hash, episodes.c.fingerprint, episodes.c.starts_at)
    old = select(*keys).where(episodes.c.status != Status.FIRING.value, episodes.c.ends_at < before)
    rows = connection.execute(old.limit(most)).all()
    for row in rows:
        here = [key == value for key, value in zip(keys, row, strict=True)]
        connection.execute(delete(episodes).where(*here))
    return len(rows)


def forget_incidents(connection: Connection, before: datetime, most: int) -> int:
    """Forget incidents that were over before a time and of which nothing is left; counts them."""
    old = select(incidents.c.id).where(incidents.c.resolved_at < before)
    for table in (webhooks, deliveries, episodes):
        left = select(table.c.incident).where(table.c.incident == incidents.c.id)
        old = old.where(~left.exists())
    members = incidents.alias()
    old = old.where(~select(members.c.id).where(members.c.head == incidents.c.id).exists())
    numbers = list(connection.scalars(old.limit(most)))
    responses = select(runs.c.id).where(runs.c.incident.in_(numbers))
    for table in (run_steps, consents):
        connection.execute(delete(table).where(table.c.run.in_(responses)))
    for table in _BESIDE:
        connection.execute(delete(table).where(table.c.incident.in_(numbers)))
    connection.execute(delete(incidents).where(incidents.c.id.in_(numbers)))
    return len(numbers)


_BESIDE = (places, acknowledgements, comments, verdicts, escalations, held, reopenings, runs)


def oldest(connection: Connection, most: int) -> datetime | None:
    """Before when the oldest webhooks came that may be forgotten."""
    times = select(webhooks.c.received_at).where(_SETTLED).order_by(webhooks.c.id).limit(most)
    last = max(connection.scalars(times), default=None)
    return None if last is None else last + _MOMENT


def used(connection: Connection) -> int:
    """Return the bytes that the store fills.

    SQLite knows. PostgreSQL gives files back late or never, so there it is reckoned from the
    newest webhooks and deliveries and from the number of all.
    """
    if connection.dialect.name == "sqlite":
        size, pages, free = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("page_size", "page_count", "freelist_count")
        )
        return int(size * (pages - free))
    return sum(
        _reckoned(connection, table.c.id, func.length(table.c.body))
        for table in (webhooks, deliveries)
    )


def _reckoned(connection: Connection, number: Column[int], length: ColumnElement[int]) -> int:
    newest = select(length.label("bytes")).order_by(number.desc()).limit(_SAMPLE).subquery()
    mean = connection.scalar(select(func.avg(newest.c.bytes))) or 0
    count = connection.scalar(select(func.count(number))) or 0
    return int(count * (float(mean) + _ROW))
