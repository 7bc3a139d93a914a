"""Keeps the store small: forgets what is older than it should be, or more."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from receiver.metrics import Metrics
from receiver.settings import Duration, Section, Size
from receiver.store.again import again
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_PERIOD = 60.0
_BREATH = 0.05
"""Seconds between two steps, in which webhooks get their turn."""
_STEP = 200
"""Webhooks, episodes or incidents in one step."""
_SMALLEST = 64 * 2**20
_SHORTEST = 3600.0


def _check_age(seconds: float) -> float:
    if seconds < _SHORTEST:
        raise ValueError("shorter than 1h; what was sent could not be looked up")
    return seconds


def _check_size(size: int) -> int:
    if size < _SMALLEST:
        raise ValueError("smaller than 64MiB; write more")
    return size


class Retention(Section):
    """How long what was settled is kept, and how large the store may grow, in bytes."""

    age: Annotated[Duration, AfterValidator(_check_age)] = 90 * 86400.0
    size: Annotated[Size, AfterValidator(_check_size)] = 4 * 2**30


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Forgets in the background, in small steps."""

    store: Store
    retention: Retention
    metrics: Metrics

    async def run(self) -> None:
        """Go on until cancelled."""
        await again(self.once, _PERIOD, "nothing forgotten", self.store.now)

    async def once(self, now: datetime) -> None:
        """Forget all that is too old, then the oldest of what is too much."""
        before = now - timedelta(seconds=self.retention.age)
        while count := await self.store.forget(before, _STEP):
            self.metrics.store_forgotten.labels("age").inc(count)
            await asyncio.sleep(_BREATH)
        while (used := await self.store.used()) > self.retention.size:
            count = await self.store.forget_oldest(_STEP)
            if not count:
                _LOG.warning("the store has %d bytes, and all of it is needed", used)
                break
            self.metrics.store_forgotten.labels("size").inc(count)
            await asyncio.sleep(_BREATH)
        self.metrics.store_bytes.set(used)
