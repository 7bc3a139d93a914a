"""Whether the store works, asked at most once a second however often others ask."""

import asyncio
import logging
import time

from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_FRESH = 1.0
"""Seconds; each question costs a write to the disk, and the health page is open to anybody."""


class Health:
    """Remembers for a moment whether the store could be written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self._asked = -_FRESH
        self._good = False

    async def store_is_up(self) -> bool:
        """Write to the store, or say what the last write found less than a second ago."""
        async with self._lock:
            if time.monotonic() - self._asked >= _FRESH:
                self._good = await self._ask()
                self._asked = time.monotonic()
            return self._good

    async def _ask(self) -> bool:
        try:
            await self._store.probe()
        except StoreUnavailableError as error:
            _LOG.warning("the store cannot be written: %s", error)
            return False
        return True
