"""Claims: who takes what is owed, and for how long."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from sqlalchemy import (
    Connection,
    FromClause,
    Row,
    Select,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from receiver.model import JOINED, REMINDER, REOPENED, Delivery, Notification, Status
from receiver.store import bulk, gates
from receiver.store.among import among
from receiver.store.locks import unheld
from receiver.store.records import REPEATED, Choice, Gate, Line, Waiting
from receiver.store.schema import Instant, attempts, deliveries, incidents, owed, webhooks

Choose = Callable[[Waiting], Choice]

MOST = 500
"""Incidents that are told in one message, and how far what waits is counted."""
_MOST_ROWS = 1_000
_MOST_BYTES = 4 * 2**20
"""Of the webhooks behind one message: they are read into memory at once."""
_MOMENT = timedelta(milliseconds=20)
"""How long after another receiver was found at a gate it is tried again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed row of the outbox, and the number of the webhook that it tells of."""

    id: int
    channel: str
    incident: int
    attempts: int
    accepted_at: datetime
    webhook: int
    reason: str
    reached: Sequence[str] | None
    reached_at: datetime | None
    left_out: Sequence[str]
    reopened: int
    reopened_at: datetime | None
    head: int
    joined_at: datetime | None

    def delivery(self, said: Notification) -> Delivery:
        """Return what to send of that webhook, without what the message must not mention."""
        told = _without(said, self.left_out) if self.left_out else said
        if self.reason == REPEATED:
            told = replace(told, reason=REMINDER)
        elif self.accepted_at == self.reopened_at:
            told = replace(told, reason=REOPENED)
        elif self.accepted_at == self.joined_at:
            told = replace(told, reason=JOINED)
        return Delivery(
            *(self.id, self.channel, self.incident, told, self.attempts, self.accepted_at),
            *(frozenset(self.reached or ()), self.reached_at, self.reopened, self.head),
        )


def _without(said: Notification, left_out: Iterable[str]) -> Notification:
    gone = frozenset(left_out)
    alerts = tuple(a for a in said.alerts if a.fingerprint not in gone)
    fires = any(alert.status is Status.FIRING for alert in alerts)
    return replace(said, alerts=alerts, status=Status.FIRING if fires else Status.RESOLVED)


@dataclass(frozen=True, slots=True)
class Claimed:
    """The rows of a turn, and what was chosen for it."""

    rows: tuple[Claim, ...]
    choice: Choice
    waiting: Waiting


def claim(
    connection: Connection, line: Line, choose: Choose, now: datetime, until: datetime
) -> Claimed:
    """Take what `choose` says of what is due in a line; it is nobody else's until `until`.

    Who holds the gate decides alone about its pace, and nobody waits for him: a receiver that
    hangs holds up what is behind that gate, until the server ends its transaction, and no more.
    """
    gate = gates.hold_if_free(connection, line.gate)
    due = {"channel": line.channel, "now": now}
    urgent, ordinary = (
        connection.execute(_COUNT, {**due, "lane": lane}).scalar_one() for lane in (1, 0)
    )
    if gate is None:
        as_it_was = gates.look(connection, line.gate) or Gate()
        choice = Choice(0, as_it_was, again=now + _MOMENT)
        return Claimed((), choice, Waiting(as_it_was, urgent, ordinary))
    waiting = Waiting(gate, urgent, ordinary)
    choice = choose(waiting)
    if not choice.take:
        return Claimed((), choice, waiting)
    lanes = [1, 0] if choice.mixed or not urgent else [1]
    numbers = _of_incidents(connection, due, _first(connection, due, lanes, choice.take))
    if not numbers:  # another receiver is at what comes first
        return Claimed((), replace(choice, again=now + _MOMENT), waiting)
    gates.write(connection, line.gate, gate, choice.gate)
    return Claimed(tuple(_lease(connection, numbers, now, until)), choice, waiting)


def _in_order() -> ColumnElement[bool]:
    """Select what may be sent `now` as far as the order of an incident's messages goes.

    One waits behind an earlier one that waits or that somebody has claimed. It takes along what
    some have already, and so does not keep its news from them.
    """
    now = bindparam("now", type_=Instant)
    earlier = deliveries.alias()
    waits = (earlier.c.not_before > now) & earlier.c.reached_at.is_(None)
    late = or_(waits, earlier.c.lease > now)
    return _is_none(before(earlier).where(late))


def before(earlier: FromClause) -> Select[int]:
    """Select what is owed to the same channel for the same incident, and came earlier."""
    return select(earlier.c.id).where(
        owed(earlier),
        earlier.c.incident == deliveries.c.incident,
        earlier.c.id < deliveries.c.id,
        # Not by `=`, so that no index is used that has all that is owed to the channel.
        earlier.c.channel.is_not_distinct_from(deliveries.c.channel),
    )


def _is_none(found: Select[int]) -> ColumnElement[bool]:
    """Look anew for each row: PostgreSQL would turn `NOT EXISTS` into a join with all of them."""
    return found.limit(1).scalar_subquery().is_(None)


def _free(*, along: bool = False) -> ColumnElement[bool]:
    """Select what is owed and that nobody waits with or has claimed, `now`.

    With `along` also what some have already, since it goes with other news of its incident.
    """
    now = bindparam("now", type_=Instant)
    free = or_(deliveries.c.lease.is_(None), deliveries.c.lease <= now)
    ripe = deliveries.c.not_before <= now
    return owed() & free & (or_(ripe, deliveries.c.reached_at.is_not(None)) if along else ripe)


# Made once, since a statement of this size takes longer to put together than to run.
_IN_LANE = (
    select(deliveries.c.id)
    .where(deliveries.c.channel == bindparam("channel"), deliveries.c.urgent == bindparam("lane"))
    .where(_free(), _in_order())
)
_COUNT = select(func.count()).select_from(_IN_LANE.order_by(deliveries.c.id).limit(MOST).subquery())
_FIRST = (
    _IN_LANE.with_only_columns(deliveries.c.incident)
    .order_by(deliveries.c.id)
    .limit(bindparam("most"))
)
_OF_INCIDENTS = (
    select(deliveries.c.id, deliveries.c.incident, webhooks.c.size)
    .join(webhooks, webhooks.c.id == deliveries.c.webhook)
    .where(deliveries.c.incident.in_(bindparam("incidents", expanding=True)))
    .where(deliveries.c.channel.is_not_distinct_from(bindparam("channel")))
    .where(_free(along=True), _in_order())
    .order_by(deliveries.c.id)
    .limit(_MOST_ROWS)
)
_THESE = among(deliveries.c.id, "numbers")
_HOLD = select(deliveries.c.id).where(_THESE, _free(along=True)).with_for_update(skip_locked=True)
_TAKE = (
    update(deliveries)
    .where(_THESE)
    .values(lease=bindparam("until"), attempts=deliveries.c.attempts + 1)
)
_TAKEN: Select[*tuple[Any, ...]] = (
    select(
        *(deliveries.c[name] for name in Claim.__dataclass_fields__ if name in deliveries.c),
        webhooks.c.left_out,
        func.coalesce(incidents.c.reopened, 0),
        incidents.c.reopened_at,
        func.coalesce(incidents.c.head, case((incidents.c.members > 0, incidents.c.id), else_=0)),
        incidents.c.joined_at,
    )
    .join(webhooks, webhooks.c.id == deliveries.c.webhook)
    .outerjoin(incidents, incidents.c.id == deliveries.c.incident)
    .where(_THESE)
    .order_by(deliveries.c.id)
)


def _first(
    connection: Connection, due: Mapping[str, object], lanes: Iterable[int], most: int
) -> list[int]:
    """Return the incidents whose messages are first in line, lane by lane."""
    found: dict[int, None] = {}
    for lane in lanes:
        rows = connection.scalars(_FIRST, {**due, "lane": lane, "most": most - len(found)})
        found |= dict.fromkeys(rows)
        if len(found) >= most:
            break
    return list(found)


def _of_incidents(
    connection: Connection, due: Mapping[str, object], incidents: Sequence[int]
) -> list[int]:
    """Return the ids of all that is due for some incidents, as much as one message can hold."""
    due_now = connection.execute(_OF_INCIDENTS, {**due, "incidents": incidents}).all()
    rows = list(_held(connection, due["now"], due_now))
    sizes = accumulate(row.size for row in rows)
    held = [row.id for row, upto in zip(rows, sizes, strict=True) if upto <= _MOST_BYTES]
    return held or [row.id for row in rows[:1]]


def _held(
    connection: Connection, now: object, rows: Sequence[Row[int, int | None, int]]
) -> Iterator[Row[int, int | None, int]]:
    """Keep rows from other receivers, and pass over what they hold or have just claimed.

    With it goes what is behind it in its incident. SQLite has one writer at a time.
    """
    if connection.dialect.name != "postgresql":
        yield from rows
        return
    held = set(connection.scalars(_HOLD, {"numbers": [row.id for row in rows], "now": now}))
    broken: set[int | None] = set()
    for row in rows:
        if row.id not in held:
            broken.add(row.incident)
        elif row.incident not in broken:
            yield row


def _lease(
    connection: Connection, numbers: Sequence[int], now: datetime, until: datetime
) -> list[Claim]:
    """Mark rows as claimed, and write down that an attempt has begun.

    Before the act: a crash leaves an attempt without an end, not a silent gap.
    """
    connection.execute(_TAKE, {"numbers": numbers, "until": until})
    taken = [Claim(*row) for row in connection.execute(_TAKEN, {"numbers": numbers}).all()]
    begun = {"started_at": now, "outcome": "", "reason": "", "detail": ""}
    tries = [begun | {"delivery": claim.id, "number": claim.attempts} for claim in taken]
    bulk.add(connection, attempts, tries)
    return taken


def next_due(connection: Connection, channel: str) -> datetime | None:
    """When the channel's next owed delivery may be claimed; None where nothing is owed."""
    free = func.coalesce(deliveries.c.lease, deliveries.c.not_before, type_=Instant)
    first = _is_none(before(deliveries.alias()))
    mine = (deliveries.c.channel == channel) & owed()
    return connection.scalar(select(func.min(free, type_=Instant)).where(mine, first))


def hurry(connection: Connection, channel: str, now: datetime) -> None:
    """Make due all that a channel is owed and that waits longer than it could by `now`."""
    late = deliveries.c.not_before > now
    mine = (deliveries.c.channel == channel) & owed()
    connection.execute(update(deliveries).where(unheld(mine & late)).values(not_before=now))
