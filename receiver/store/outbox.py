"""The outbox: what is owed for a webhook, and what becomes of it at a start."""

from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from receiver.model import Notification
from receiver.store import bell, episodes, gates
from receiver.store.records import Decision, Known, Webhook
from receiver.store.schema import deliveries, webhooks

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
        "urgent": int(webhook.notification.severity.rank == 0),
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
    gates.forget_failures(connection)


def bury(connection: Connection, channels: Collection[str], now: datetime) -> int:
    """Give up what is owed to channels that the configuration no longer has."""
    lost = update(deliveries).where(
        deliveries.c.state == "owed", deliveries.c.channel.not_in(channels)
    )
    changed = connection.execute(
        lost.values(state="dead", reason="channel_removed", settled_at=now)
    )
    return changed.rowcount
