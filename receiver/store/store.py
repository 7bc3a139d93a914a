"""The store as the other rooms see it."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from receiver.model import Delivery
from receiver.store import engine, outbox, schema, views
from receiver.store.outbox import Decide, Outcome, Parse
from receiver.store.records import Decision, Posted, Queue, Webhook

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

PATIENCE = 5.0
"""Seconds to wait for a lock before the store counts as unavailable."""


class Store:
    """One SQLite file. Every method raises StoreUnavailableError where it cannot be used.

    `parse` reads a webhook's bytes, which is how webhooks are kept.
    """

    def __init__(self, path: Path, parse: Parse, patience: float = PATIENCE) -> None:
        self._writer = engine.writer(path, patience)
        self._reader = engine.reader(path, patience)
        self._parse = parse

    @classmethod
    async def open(cls, path: Path, parse: Parse, patience: float = PATIENCE) -> Self:
        """Open or make the file, bring its tables up to date, and give up a dead owner's claims.

        Raises StoreVersionError too.
        """
        engine.look(path, patience)
        store = cls(path, parse, patience)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(store.close)
            await store._write(schema.migrate)
            await store._write(outbox.release)
            stack.pop_all()
        return store

    async def close(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        await self._writer.dispose()

    async def accept(self, webhook: Webhook, decide: Decide) -> Decision:
        """Keep a webhook and what `decide` says is owed for it; on disk when this returns."""
        return await self._write(outbox.accept, webhook, decide)

    async def claim(self, channel: str, now: datetime, until: datetime) -> Delivery | None:
        """Take the channel's next due delivery; it is nobody else's until `until`."""
        taken = await self._write(outbox.claim, channel, now, until)
        return None if taken is None else taken.delivery(self._parse)

    async def settle(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        """Note how the attempt ended."""
        await self._write(outbox.settle, delivery, outcome, now)

    async def bury(self, channels: Collection[str], now: datetime) -> int:
        """Give up what is owed to channels other than these; returns how many messages."""
        return await self._write(outbox.bury, channels, now)

    async def probe(self) -> None:
        """Write and read something: shows whether a webhook could be accepted now."""
        await self._write(schema.touch)

    async def next_due(self, channel: str) -> datetime | None:
        """When the channel's next delivery may be claimed; None where nothing is owed."""
        return await self._read(outbox.next_due, channel)

    async def queues(self) -> list[Queue]:
        """Count what each channel is owed; a channel that is owed nothing is left out."""
        return await self._read(views.queues)

    async def open_incidents(self) -> int:
        """Count the incidents in which something still fires."""
        return await self._read(views.open_incidents)

    async def last_suppressed(self, reason: str) -> datetime | None:
        """When a webhook was last suppressed for a reason that concerns no channel."""
        return await self._read(views.last_suppressed, reason)

    async def posted(
        self,
        channels: Sequence[str],
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> list[Posted]:
        """Return the messages sent to the channels, newest first, between two ids."""
        return await self._read(views.posted, channels, before=before, after=after, limit=limit)

    async def _read(
        self,
        query: Callable[Concatenate[Connection, _Arguments], _Result],
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> _Result:
        return await _run(self._reader, query, *args, **kwargs)

    async def _write(
        self,
        change: Callable[Concatenate[Connection, _Arguments], _Result],
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> _Result:
        return await _run(self._writer, change, *args, **kwargs)


async def _run(
    database: AsyncEngine,
    work: Callable[Concatenate[Connection, _Arguments], _Result],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> _Result:
    async with engine.transaction(database) as connection:
        return await connection.run_sync(work, *args, **kwargs)
