"""Work on the store that is done again and again."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from receiver.store.schema import StoreUnavailableError

_LOG = logging.getLogger(__name__)


async def again(
    work: Callable[[datetime], Awaitable[object]],
    period: float,
    trouble: str,
    now: Callable[[], datetime],
) -> None:
    """Do it every `period` seconds until cancelled; while the store is away, log `trouble`."""
    while True:
        try:
            await work(now())
        except StoreUnavailableError as error:
            _LOG.warning("%s: %s", trouble, error)
        await asyncio.sleep(period)
