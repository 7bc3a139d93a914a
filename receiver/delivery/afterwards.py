"""What is known only once a message was sent is brought to where that stands.

No message waits for it: what stands there counts as outdated as soon as more is known of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from receiver.delivery.merge import Telling
from receiver.model import Notification
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_MOST = 20
"""Messages that are waited for at once; in a storm the others stay as they are."""

Late = Callable[[Notification], Awaitable[bool]]
"""Waits for what was not known in time, and says whether there is any; it never raises."""


async def never(_: Notification) -> bool:
    """Wait for nothing."""
    return False


class Afterwards:
    """Does so for one channel; `wake` has it look at what is outdated."""

    def __init__(self, channel: str, late: Late, store: Store, wake: Callable[[], None]) -> None:
        self._channel = channel
        self._late = late
        self._store = store
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, telling: Telling) -> None:
        """Wait for more about what was just told."""
        if len(self._tasks) < _MOST:
            task = asyncio.create_task(self._follow(telling))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _follow(self, telling: Telling) -> None:
        if not await self._late(telling.notification):
            return
        try:
            await self._store.places.overtaken(self._channel, [telling.newest.incident])
        except StoreUnavailableError as error:
            _LOG.warning(
                "channel %s: a message stays without what came late: %s", self._channel, error
            )
        else:
            self._wake()
