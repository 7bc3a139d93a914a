"""The store as the other rooms see it."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import URL

from receiver.model import Notification
from receiver.store import (
    audit,
    beats,
    bodies,
    claims,
    handover,
    locks,
    migrations,
    notices,
    outbox,
    retention,
    standings,
    views,
)
from receiver.store.accept import Arrival, Decide, accept
from receiver.store.audit import Change, Entry
from receiver.store.bell import Wake, listen
from receiver.store.claims import Choose
from receiver.store.clock import Clock, utc_now
from receiver.store.engine import CLAIMERS, READERS, open_engines
from receiver.store.facts import Facts, look_for_facts
from receiver.store.integrity import damaged, prepare
from receiver.store.lane import Lane
from receiver.store.notices import Asked
from receiver.store.outbox import Parse
from receiver.store.parts import ALSO, Parts
from receiver.store.recent import Recent
from receiver.store.records import (
    AS_EVER,
    Attempt,
    Decision,
    Gate,
    Line,
    Notice,
    Posted,
    Queue,
    Terms,
    Turn,
    Webhook,
)
from receiver.store.settling import Settlement, settle
from receiver.store.space import Space
from receiver.store.standings import Key, Open, Standing

PATIENCE = 5.0
"""Seconds to wait for a lock, or for a turn, before the store counts as unavailable."""
_SHARED = 64
"""Pieces of work in one transaction at most: the first of them waits for the last."""
_STEP = 1_000
"""Rows of work that can be done in several transactions."""


class Store(Parts):
    """An SQLite file, or a PostgreSQL database, which several receivers may share.

    Every method raises StoreUnavailableError where it cannot be used. `parse` reads a webhook's
    bytes, which is how webhooks are kept.
    """

    def __init__(self, database: Path | URL, parse: Parse, patience: float = PATIENCE) -> None:
        engines = open_engines(database, patience)
        self._writer = self._claimer = Lane(engines.writing, patience, shared=_SHARED)
        if engines.claiming is not engines.writing:
            # Each claim for itself: two receivers that hold several gates each would lock up.
            self._claimer = Lane(engines.claiming, patience, threads=CLAIMERS)
        self._reader = Lane(engines.reading, patience, threads=READERS)
        super().__init__(self._writer, self._reader)
        self._database = database
        self._space = Space(database) if isinstance(database, Path) else None
        self._parse = parse
        self._clock = Clock(utc_now)
        self._recent = Recent()
        self._reading = asyncio.Lock()

    @classmethod
    async def open(cls, database: Path | URL, parse: Parse, patience: float = PATIENCE) -> Self:
        """Open or make the tables, bring them up to date, and give up a dead owner's claims.

        A file that is damaged is set aside. Raises StoreVersionError too.
        """
        if isinstance(database, Path):
            await asyncio.to_thread(prepare, database)
        store = cls(database, parse, patience)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(store.close)
            if store._space:
                store._space.begin()
            await store._writer.run(migrations.migrate)
            await store._writer.run(outbox.release, shared=isinstance(database, URL))
            await store.agree()
            stack.pop_all()
        return store

    @classmethod
    @asynccontextmanager
    async def visit(cls, database: Path | URL, parse: Parse) -> AsyncIterator[Self]:
        """Use a store beside the receiver whose it is, and leave its claims alone.

        Raises StoreVersionError too, and FileNotFoundError where there is none yet.
        """
        if isinstance(database, Path) and not await asyncio.to_thread(database.is_file):
            raise FileNotFoundError(errno.ENOENT, "there is no store yet", str(database))
        store = cls(database, parse)
        try:
            await store._writer.run(migrations.migrate)
            await store.agree()
            yield store
        finally:
            await store.close()

    async def close(self) -> None:
        """End what has begun, and close every connection."""
        for lane in {self._reader, self._claimer, self._writer}:
            await lane.close()

    def now(self) -> datetime:
        """Return the time by which receivers of this store agree on what is due."""
        return self._clock.now()

    async def agree(self, *, now: bool = False) -> None:
        """Set the clock by a database's, where that is due; a file has one receiver's time."""
        if isinstance(self._database, URL) and (now or self._clock.needs_setting()):
            await self._claimer.run(self._clock.set_by)

    async def accept(self, webhook: Webhook, decide: Decide, terms: Terms = AS_EVER) -> Decision:
        """Keep a webhook and what `decide` says is owed for it; on disk when this returns."""
        with self._space.taking() if self._space else nullcontext():
            decision, number = await self._writer.together(accept, Arrival(webhook, decide, terms))
        self._recent.put(number, webhook.notification, len(webhook.body))
        return decision

    async def take(self, line: Line, choose: Choose, now: datetime, until: datetime) -> Turn:
        """Take what `choose` says of what a line is owed; it is nobody else's until `until`."""
        if self._space:
            self._space.ease()
        claimed = await self._claimer.run(claims.claim, line, choose, now, until)
        told = await self._told({row.webhook for row in claimed.rows})
        batch = tuple(row.delivery(told[row.webhook]) for row in claimed.rows)
        return Turn(batch, claimed.waiting, claimed.choice.again)

    async def _told(self, numbers: Collection[int]) -> dict[int, Notification]:
        """Return what webhooks said; what is not of the last moment is read again."""
        told = self._recent.find(numbers)
        if len(told) == len(numbers):
            return told
        async with self._reading:  # several channels want the same, and it may be large
            told |= self._recent.find(numbers)
            missing = [number for number in numbers if number not in told]
            packed = await self._reader.run(bodies.read, missing)
            read = await asyncio.to_thread(self._unpack, packed)
            for number, said in read.items():
                self._recent.share(number, said)
        return told | read

    def _unpack(self, packed: Mapping[int, tuple[bytes, ...]]) -> dict[int, Notification]:
        return {number: self._parse(bodies.unpack(parts)) for number, parts in packed.items()}

    async def settle(
        self,
        line: Line,
        settlements: Sequence[Settlement],
        now: datetime,
        change: Callable[[Gate], Gate] = lambda gate: gate,
    ) -> list[Settlement]:
        """Note how attempts ended, as it is returned, and what that says of the destination."""
        return await self._claimer.run(settle, line, settlements, now, change)

    async def sweep(self, line: Line, now: datetime) -> int:
        """Hand over what a line owes to its fallback; returns how many messages."""
        return await self._claimer.run(handover.sweep, line, now)

    async def hurry(self, channel: str, now: datetime) -> None:
        """Make due what a channel owes: its clock was set back, so no time in it is good."""
        await self._claimer.run(claims.hurry, channel, now)

    async def notices(self, asked: Asked) -> list[Notice]:
        """Return what became of messages, newest first."""
        return await self._reader.run(notices.find, asked, self._parse)

    async def notice(self, number: int) -> Notice | None:
        """Return what became of one message; None where there is none of this number."""
        return await self._reader.run(notices.look_up, number, self._parse)

    async def attempts_of(self, number: int) -> list[Attempt]:
        """Return every attempt to send a message, in order."""
        return await self._reader.run(notices.attempts_of, number)

    async def replay(self, numbers: Sequence[int], channel: str, now: datetime) -> list[int]:
        """Owe dead messages anew, on `channel` or their own; returns those that were dead."""
        return await self._writer.run(notices.replay, numbers, channel, now)

    async def listen(self, channels: Collection[str], wake: Wake) -> None:
        """Wake channels that other receivers took something in for, until cancelled."""
        if isinstance(self._database, URL):
            await listen(self._database, channels, wake)

    async def bury(self, channels: Collection[str], now: datetime) -> Mapping[str, int]:
        """Give up some of what is owed to channels other than these; counts it by channel."""
        shared = isinstance(self._database, URL)
        return await self._writer.run(outbox.bury, channels, now, shared=shared)

    async def probe(self) -> None:
        """Write and read something: shows whether a webhook could be accepted now."""
        if self._space:
            self._space.probe()
        await self._writer.run(locks.touch)

    async def forget(self, before: datetime, most: int) -> int:
        """Forget some of what was settled or over before a time; returns how much, 0 at the end."""
        return await self._writer.run(retention.forget, before, most, *ALSO)

    async def forget_oldest(self, most: int) -> int:
        """Forget some of the oldest that is settled or over; returns how much."""
        last = await self._reader.run(retention.oldest, most)
        return await self._writer.run(retention.forget, last, most) if last else 0

    async def used(self) -> int:
        """Return the bytes that the store fills."""
        return await self._reader.run(retention.used)

    async def damaged(self) -> int:
        """Count the files of this store that were found damaged and are still beside it."""
        return await asyncio.to_thread(damaged, self._database)

    async def open_episodes(self) -> list[Open]:
        """Return all that fires, with how it stands with Alertmanager."""
        return await self._reader.run(standings.open_episodes)

    async def facts(self) -> Facts:
        """Return what the auditor looks at."""
        return await self._reader.run(look_for_facts)

    async def stand(self, changes: Mapping[Key, Standing | None]) -> None:
        """Write how alerts stand with Alertmanager, in steps: webhooks wait for each of them."""
        wanted: dict[Key, Standing | None] = dict.fromkeys(await self._reader.run(standings.over))
        every = [*(wanted | dict(changes)).items()]
        for start in range(0, len(every), _STEP):
            await self._writer.run(standings.stand, every[start : start + _STEP])

    async def told_of(self, incident: int, most: int = standings.MOST_BODIES) -> list[bytes]:
        """Return the latest webhooks of an incident as they came, newest first."""
        return await self._reader.run(standings.told_of, incident, most)

    async def newest_of(self, incident: int) -> Notification | None:
        """Return what an incident's newest webhook says, if it is kept."""
        bodies = await self.told_of(incident, most=1)
        return await asyncio.to_thread(self._parse, bodies[0]) if bodies else None

    async def note(self, change: Change, at: datetime) -> None:
        """Write a change into the audit."""
        await self._writer.run(audit.note, change, at)

    async def changes(self, *, before: int | None = None, limit: int = 50) -> list[Entry]:
        """Return the audit, newest first, from before a number on."""
        return await self._reader.run(audit.entries, before=before, limit=limit)

    async def next_due(self, channel: str) -> datetime | None:
        """When the channel's next delivery may be claimed; None where nothing is owed."""
        return await self._reader.run(claims.next_due, channel)

    async def queues(self) -> list[Queue]:
        """Count what each channel is owed; a channel that is owed nothing is left out."""
        return await self._reader.run(views.queues)

    async def open_incidents(self) -> int:
        """Count the incidents in which something still fires."""
        return await self._reader.run(views.open_incidents)

    async def last_beat(self) -> datetime | None:
        """When the Watchdog last fired; None where it never did."""
        return await self._reader.run(beats.last)

    async def posted(
        self,
        channels: Sequence[str],
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> list[Posted]:
        """Return the messages sent to the channels, newest first, between two ids."""
        return await self._reader.run(
            views.posted, channels, before=before, after=after, limit=limit
        )
