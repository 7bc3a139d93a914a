"""What became of messages, to be looked up; and dead ones, to be sent after all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, select, update

from receiver.model import ASSUMED, Notification
from receiver.store import audit, bell, bodies, handover
from receiver.store.among import among
from receiver.store.audit import Change
from receiver.store.claims import before
from receiver.store.outbox import Parse
from receiver.store.past import ASSUMED_OVER
from receiver.store.records import Attempt, Notice
from receiver.store.schema import SETTLED, Instant, attempts, deliveries, owed, webhooks

STATES = ("owed", "sent", "suppressed", "dead")
_MOST_ALERTS = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """Which messages are looked for, newest first: of a state, and below an id."""

    state: str = ""
    channel: str = ""
    before: int | None = None
    limit: int = 50
    pending: bool = False
    """Only what nobody has sent another way."""


def find(connection: Connection, asked: Asked, parse: Parse) -> list[Notice]:
    """Return what became of messages, newest first."""
    queries = [_asked(asked, state) for state in _states(asked)]
    numbers = [number for query in queries for number in connection.scalars(query)]
    newest = sorted(numbers, reverse=True)[: asked.limit]
    return _find(connection, newest, parse)


def _states(asked: Asked) -> Sequence[str]:
    """Return what is looked for one after the other: a channel has an index of each state."""
    return STATES if asked.channel and not asked.state else (asked.state,)


def _asked(asked: Asked, state: str) -> Select[Any]:
    query = select(deliveries.c.id).limit(asked.limit)
    if state == "owed":  # without `+ 0`, all that was ever settled might be gone through
        query = query.where(owed()).order_by((deliveries.c.id + 0).desc())
    else:
        query = query.order_by(deliveries.c.id.desc())
    if state not in {"", "owed"}:
        query = query.where(deliveries.c.state == state, SETTLED)
    if asked.channel:
        query = query.where(deliveries.c.channel == asked.channel)
    if asked.before is not None:
        query = query.where(deliveries.c.id < asked.before)
    if asked.pending:
        query = query.where(deliveries.c.within.is_(None))
    return query


def look_up(connection: Connection, number: int, parse: Parse) -> Notice | None:
    """Return what became of one message."""
    return next(iter(_find(connection, [number], parse)), None)


def _find(connection: Connection, numbers: Sequence[int], parse: Parse) -> list[Notice]:
    """Return messages by their numbers, newest first."""
    query = _query().where(among(deliveries.c.id, "numbers")).order_by(deliveries.c.id.desc())
    rows = connection.execute(query, {"numbers": numbers}).mappings().all()
    of_webhook: defaultdict[int, list[RowMapping]] = defaultdict(list)
    for row in rows:
        of_webhook[row["webhook"]].append(row)
    found = {
        row["id"]: _notice(row, told)
        for number, told in bodies.told(connection, {r["webhook"]: r["size"] for r in rows}, parse)
        for row in of_webhook[number]
    }
    return [found[row["id"]] for row in rows]


def _query() -> Select[Any]:
    earlier = deliveries.alias()
    tried = func.coalesce(earlier.c.lease, earlier.c.not_before, type_=Instant)
    first = before(earlier).with_only_columns(func.max(tried, type_=Instant)).scalar_subquery()
    last = (
        select(attempts.c.detail)
        .where(attempts.c.delivery == deliveries.c.id, attempts.c.ended_at.is_not(None))
        .order_by(attempts.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = (webhooks.c.left_out, webhooks.c.size, first.label("behind"), last.label("detail"))
    joined = webhooks.c.id == deliveries.c.webhook
    return select(deliveries, *columns).join(webhooks, joined)


def _notice(values: RowMapping, told: Notification) -> Notice:
    alerts = tuple(a for a in told.alerts if a.fingerprint not in values["left_out"])
    own = {name: values[name] for name in Notice.__dataclass_fields__ if name in values}
    facts = {"status": values["status"] or told.status, "title": values["title"] or told.topic}
    facts["severity"] = values["severity"] or told.severity.name
    facts["reason"] = values["reason"] or (ASSUMED_OVER if told.reason == ASSUMED else "")
    facts["detail"] = values["detail"] or ""
    return Notice(**own | facts | {"alerts": alerts[:_MOST_ALERTS], "total": len(alerts)})


def attempts_of(connection: Connection, number: int) -> list[Attempt]:
    """Return every attempt to send a message, in order."""
    columns = (attempts.c[name] for name in Attempt.__dataclass_fields__)
    query = select(*columns).where(attempts.c.delivery == number).order_by(attempts.c.number)
    return [Attempt(*row) for row in connection.execute(query)]


def replay(
    connection: Connection, numbers: Sequence[int], channel: str, now: datetime
) -> list[int]:
    """Owe dead messages anew, on `channel` or on their own; returns which of them were dead.

    The dead one stays, and refers to the new one.
    """
    rows = connection.execute(
        select(deliveries)
        .where(deliveries.c.id.in_(numbers), deliveries.c.state == "dead")
        .where(deliveries.c.within.is_(None))
        .order_by(deliveries.c.id)
        .with_for_update()
    ).all()
    for row in rows:
        new = handover.owe(connection, row, channel or row.channel, now, now)
        here = update(deliveries).where(deliveries.c.id == row.id)
        connection.execute(here.values(within=new))
        change = Change("command line", "replay", f"message {row.id}", channel or row.channel)
        audit.note(connection, change, now)
    bell.ring(connection, {channel or row.channel for row in rows})
    return [row.id for row in rows]
