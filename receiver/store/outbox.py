"""The outbox: what is owed, who has claimed it, and how each attempt ended."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from receiver.model import Delivery, Message, Notification, Status
from receiver.store import bell, episodes
from receiver.store.records import Decision, Known, Webhook
from receiver.store.schema import Instant, attempts, deliveries, webhooks

Decide = Callable[[Known], Decision]
Parse = Callable[[bytes], Notification]


def accept(connection: Connection, webhook: Webhook, decide: Decide) -> Decision:
    """Write down a webhook, what it says, and who is owed a message for it."""
    seen = episodes.known(connection, webhook.notification)
    decision = decide(seen)
    incident = episodes.record(connection, webhook, seen, decision) if decision.incident else None
    kept = insert(webhooks).values(
        received_at=webhook.received_at,
        group_hash=webhook.notification.group_hash,
        delivery_key=webhook.notification.delivery_key,
        incident=incident,
        body=webhook.body,
        left_out=list(decision.left_out),
    )
    number = connection.execute(kept.returning(webhooks.c.id)).scalar_one()
    if incident is None:
        _forget_older(connection, webhook.notification.group_hash, number)
    row = {
        "webhook": number,
        "incident": incident,
        "state": "suppressed" if decision.reason else "owed",
        "reason": decision.reason,
        "attempts": 0,
        "accepted_at": webhook.received_at,
        "not_before": webhook.received_at,
        "settled_at": webhook.received_at if decision.reason else None,
    }
    # One row even where nobody is concerned: every webhook has a fate that can be looked up.
    names = decision.channels or ("",)
    connection.execute(insert(deliveries), [row | {"channel": name} for name in names])
    if not decision.reason:
        bell.ring(connection, decision.channels)
    return decision


def _forget_older(connection: Connection, group: str, newest: int) -> None:
    """Drop what came before in a group without incidents: the Watchdog comes every minute."""
    older = select(webhooks.c.id).where(
        webhooks.c.group_hash == group, webhooks.c.incident.is_(None), webhooks.c.id < newest
    )
    connection.execute(delete(deliveries).where(deliveries.c.webhook.in_(older)))
    connection.execute(delete(webhooks).where(webhooks.c.id.in_(older)))


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed row of the outbox, with the webhook that it tells of."""

    id: int
    channel: str
    incident: int
    attempts: int
    accepted_at: datetime
    body: bytes
    left_out: tuple[str, ...]

    def delivery(self, parse: Parse) -> Delivery:
        """Read the webhook again, without the alerts that the message must not mention."""
        said = parse(self.body)
        alerts = tuple(a for a in said.alerts if a.fingerprint not in self.left_out)
        fires = any(alert.status is Status.FIRING for alert in alerts)
        status = Status.FIRING if fires else Status.RESOLVED
        told = replace(said, alerts=alerts, status=status)
        return Delivery(self.id, self.channel, self.incident, told, self.attempts, self.accepted_at)


def claim(connection: Connection, channel: str, now: datetime, until: datetime) -> Claim | None:
    """Take the channel's next due delivery; it is nobody else's until `until`."""
    free = or_(deliveries.c.lease.is_(None), deliveries.c.lease <= now)
    due = (
        select(deliveries.c.id)
        .where(_waiting(channel), deliveries.c.not_before <= now, free)
        .order_by(deliveries.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = connection.execute(
        update(deliveries)
        .where(deliveries.c.id == due.scalar_subquery(), free)
        .values(lease=until, attempts=deliveries.c.attempts + 1)
        .returning(deliveries)
    ).one_or_none()
    if taken is None:
        return None
    # Written before the act: a crash leaves an attempt without an end, not a silent gap.
    begun = {"delivery": taken.id, "number": taken.attempts, "started_at": now}
    connection.execute(insert(attempts).values(**begun, outcome="", reason="", detail=""))
    told = connection.execute(select(webhooks).where(webhooks.c.id == taken.webhook)).one()
    return Claim(
        id=taken.id,
        channel=channel,
        incident=taken.incident,
        attempts=taken.attempts,
        accepted_at=taken.accepted_at,
        body=told.body,
        left_out=tuple(told.left_out),
    )


def _waiting(channel: str) -> ColumnElement[bool]:
    """Select what a channel is owed and could be sent next.

    An incident's messages keep their order: one waits while an earlier one is still owed.
    """
    earlier = deliveries.alias()
    behind = select(earlier.c.id).where(
        earlier.c.channel == deliveries.c.channel,
        earlier.c.incident == deliveries.c.incident,
        earlier.c.state == "owed",
        earlier.c.id < deliveries.c.id,
    )
    owed = (deliveries.c.state == "owed") & (deliveries.c.channel == channel)
    return owed & ~behind.exists()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: `sent`, `later` (again at `not_before`) or `dead`."""

    state: str
    reason: str = ""
    detail: str = ""
    not_before: datetime | None = None
    message: Message | None = None


def settle(connection: Connection, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    """Close the delivery's attempt with its outcome; what was sent is kept as it was sent."""
    values: dict[str, object] = {"lease": None, "reason": outcome.reason}
    if outcome.state == "later":
        values |= {"not_before": outcome.not_before}
    else:
        values |= {"state": outcome.state, "settled_at": now}
    if outcome.message is not None:
        values |= {
            "status": outcome.message.status.value,
            "severity": outcome.message.severity.name,
            "title": outcome.message.title,
            "body": outcome.message.body,
        }
    connection.execute(update(deliveries).where(deliveries.c.id == delivery.id).values(**values))
    connection.execute(
        update(attempts)
        .where(attempts.c.delivery == delivery.id, attempts.c.number == delivery.attempts)
        .values(ended_at=now, outcome=outcome.state, reason=outcome.reason, detail=outcome.detail)
    )


def next_due(connection: Connection, channel: str) -> datetime | None:
    """When the channel's next owed delivery may be claimed; None where nothing is owed."""
    return connection.scalar(
        select(
            func.min(
                func.coalesce(deliveries.c.lease, deliveries.c.not_before, type_=Instant),
                type_=Instant,
            )
        ).where(_waiting(channel))
    )


def release(connection: Connection, *, shared: bool) -> None:
    """Give up every claim, whose holder did not live to settle it, and make all that waits due.

    In a store that is shared with other receivers, who may be at work, claims run out instead.

    A restart is how new settings come into force, so what failed by the old ones is tried at
    once; what the other side throttled keeps waiting, lest it be shut out for longer.
    """
    if not shared:
        claimed = deliveries.c.lease.is_not(None)
        connection.execute(update(deliveries).where(claimed).values(lease=None))
    waits = (deliveries.c.state == "owed") & (deliveries.c.reason != "throttled")
    connection.execute(update(deliveries).where(waits).values(not_before=deliveries.c.accepted_at))


def bury(connection: Connection, channels: Collection[str], now: datetime) -> int:
    """Give up what is owed to channels that the configuration no longer has."""
    lost = update(deliveries).where(
        deliveries.c.state == "owed", deliveries.c.channel.not_in(channels)
    )
    changed = connection.execute(
        lost.values(state="dead", reason="channel_removed", settled_at=now)
    )
    return changed.rowcount
