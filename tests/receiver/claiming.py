"""Claims of one incident at a time, as a worker makes them while nothing is piled up."""

import asyncio
from datetime import datetime

from receiver.model import Delivery
from receiver.store.records import Choice, Line, Outcome, Waiting
from receiver.store.store import Store


def one(waiting: Waiting) -> Choice:
    return Choice(min(1, waiting.urgent + waiting.ordinary), waiting.gate)


async def claim_all(
    store: Store, channel: str, now: datetime, until: datetime
) -> tuple[Delivery, ...]:
    while (turn := await store.take(Line(channel), one, now, until)).again:  # noqa: ASYNC110 -- nor do workers wait for an event
        await asyncio.sleep((turn.again - now).total_seconds())  # another is at the gate
    return turn.batch


async def claim(store: Store, channel: str, now: datetime, until: datetime) -> Delivery | None:
    """Claim what a channel is owed next; the first delivery of it."""
    batch = await claim_all(store, channel, now, until)
    return batch[0] if batch else None


async def settle(store: Store, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    await store.settle(Line(delivery.channel), [(delivery, outcome)], now)
