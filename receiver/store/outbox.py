"""What becomes of what is owed at a start."""

from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy import Connection, update

from receiver.model import Notification
from receiver.store import audit, gates
from receiver.store.audit import Change
from receiver.store.schema import deliveries, owed, unheld

Parse = Callable[[bytes], Notification]


def release(connection: Connection, *, shared: bool) -> None:
    """Give up every claim, whose holder did not live to settle it, and make all that waits due.

    In a store that is shared with other receivers, who may be at work, claims run out instead.

    A restart is how new settings come into force, so what failed by the old ones is tried at
    once; what the other side throttled keeps waiting, lest it be shut out for longer.
    """
    if not shared:
        claimed = deliveries.c.lease.is_not(None)
        connection.execute(update(deliveries).where(claimed).values(lease=None))
    put_off = deliveries.c.not_before > deliveries.c.accepted_at
    waits = owed() & (deliveries.c.reason != "throttled") & put_off
    at_once = update(deliveries).where(unheld(waits))
    connection.execute(at_once.values(not_before=deliveries.c.accepted_at))
    gates.forget_failures(connection)


def bury(connection: Connection, channels: Collection[str], now: datetime) -> int:
    """Give up what is owed to channels that the configuration no longer has."""
    lost = owed() & deliveries.c.channel.not_in(channels)
    changed = connection.execute(
        update(deliveries)
        .where(unheld(lost))
        .values(state="dead", reason="channel_removed", settled_at=now)
    )
    if changed.rowcount:
        said = f"{changed.rowcount} messages of channels that are gone"
        audit.note(connection, Change("tocsin", "give up", "outbox", said), now)
    return changed.rowcount
