"""What becomes of what is owed at a start."""

from collections import Counter
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from receiver.model import Notification
from receiver.store import audit, gates
from receiver.store.audit import Change
from receiver.store.locks import unheld
from receiver.store.schema import deliveries, owed

Parse = Callable[[bytes], Notification]

_MOST = 1_000
"""Rows that are given up in one transaction."""
_ALL_GAVE_UP = timedelta(hours=25)
"""Older than anything that is still tried."""


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


def bury(
    connection: Connection, channels: Collection[str], now: datetime, *, shared: bool
) -> Counter[str]:
    """Give up some of what is owed to channels other than these, and unclaimed.

    Returns how many messages, by channel; none at the end. In a store that is shared another
    receiver may have these channels: there only what it would have given up too.
    """
    before = now - _ALL_GAVE_UP if shared else now
    free = or_(deliveries.c.lease.is_(None), deliveries.c.lease <= now)
    gone = owed() & deliveries.c.channel.not_in(channels) & free
    some = select(deliveries.c.id).where(gone, deliveries.c.accepted_at <= before).limit(_MOST)
    given_up = (
        update(deliveries)
        .where(deliveries.c.id.in_(some.with_for_update(skip_locked=True)))
        .values(state="dead", reason="channel_removed", settled_at=now)
        .returning(deliveries.c.channel)
    )
    lost = Counter(connection.scalars(given_up))
    for name, count in lost.items():
        change = Change("tocsin", "give up", f"channel {name}", f"{count} messages")
        audit.note(connection, change, now)
    return lost
