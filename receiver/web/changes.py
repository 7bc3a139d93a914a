"""Which incident changed: looked up every few seconds, while anybody listens.

Whichever receiver of a store changed it, all of them tell.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress

import orjson

from receiver.store.incidents import Incident, Wanted
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from receiver.web.feed import Feed

_PERIOD = 3.0
_WATCHED = (Wanted("active", limit=500), Wanted(limit=200))

Seen = Mapping[int, Incident]


class Changes:
    """Publishes to `feed`, as one event, what differs from how it was before."""

    def __init__(self, store: Store, period: float = _PERIOD) -> None:
        self.feed = Feed()
        self._store = store
        self._period = period
        self._seen: Seen = {}
        self._beginning = asyncio.Lock()
        self._watching: asyncio.Future[None] | None = None

    async def begin(self) -> None:
        """Watch from how it is now, unless that goes on; raises StoreUnavailableError."""
        async with self._beginning:  # after a restart all pages come back at once
            if self._watching is None or self._watching.done():
                self._seen = await self._look()
                self._watching = asyncio.ensure_future(self._watch())

    async def close(self) -> None:
        """End every stream and the watch."""
        self.feed.close()
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    async def _watch(self) -> None:
        while self.feed.is_heard:
            await asyncio.sleep(self._period)
            with suppress(StoreUnavailableError):  # which metrics tell, and the next look may work
                now = await self._look()
                if changed := dict(differences(self._seen, now)):
                    self.feed.publish(_event(changed))
                self._seen = now

    async def _look(self) -> Seen:
        now = self._store.now()
        found = [await self._store.incidents.find(each, now) for each in _WATCHED]
        return {each.id: each for some in found for each in some}


def differences(before: Seen, after: Seen) -> Iterator[tuple[int, str]]:
    """Yield the number and the state of what is new or other than before.

    What was open and is not among the open or the newest any longer is over.
    """
    for number, each in after.items():
        if before.get(number) != each:
            yield number, each.state
    for number in before.keys() - after.keys():
        if before[number].resolved_at is None:
            yield number, "resolved"


def _event(changed: Mapping[int, str]) -> str:
    said = [{"id": number, "state": state} for number, state in sorted(changed.items())]
    return f"event: incidents\ndata: {orjson.dumps({'incidents': said}).decode()}\n\n"
