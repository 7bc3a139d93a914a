"""How channels fared of late: what was sent and what was given up, and what last went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from receiver.store.handover import FELL_BACK
from receiver.store.lane import Lane
from receiver.store.numbering import first
from receiver.store.schema import attempts, deliveries, webhooks


@dataclass(frozen=True, slots=True)
class Trouble:
    """An attempt that failed: when it ended, and why."""

    at: datetime
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Fared:
    """How many of a channel's messages were sent, and given up; and its last trouble, if any."""

    sent: int = 0
    dead: int = 0
    trouble: Trouble | None = None


class Faring:
    """The part of a store that knows it."""

    def __init__(self, reader: Lane) -> None:
        self._reader = reader

    async def since(self, moment: datetime) -> Mapping[str, Fared]:
        """Return how each channel fared with what was accepted since then; others have no entry."""
        return await self._reader.run(_since, moment)


def _since(connection: Connection, moment: datetime) -> dict[str, Fared]:
    late = deliveries.c.accepted_at >= moment
    late &= deliveries.c.webhook >= first(connection, webhooks.c.received_at, moment)
    settled = deliveries.c.state.in_(("sent", "dead"))
    numbers = (deliveries.c.channel, deliveries.c.state, func.count())
    counted = select(*numbers).where(late, settled).group_by(*numbers[:2])
    found: dict[str, Fared] = {}
    for channel, state, count in connection.execute(counted):
        found[channel] = replace(found.get(channel, Fared()), **{state: count})
    failed = or_(attempts.c.outcome.in_(("later", "dead")), attempts.c.reason == FELL_BACK)
    of_late = select(func.max(attempts.c.id)).join(deliveries).where(late, failed)
    # Looked up first, since whoever reads both at once goes through all attempts there ever were.
    last = connection.scalars(of_late.group_by(deliveries.c.channel)).all()
    names = (deliveries.c.channel, attempts.c.ended_at, attempts.c.reason, attempts.c.detail)
    told = select(*names).join_from(attempts, deliveries).where(attempts.c.id.in_(last))
    for channel, *trouble in connection.execute(told):
        found[channel] = replace(found.get(channel, Fared()), trouble=Trouble(*trouble))
    return found
