"""What those are told who were told nothing for a while, once that is over.

Whoever takes the rows of `held` away in the transaction that owes the message tells it, and nobody
else does.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, tuple_

from receiver.model import Status
from receiver.store import accept
from receiver.store import held as rows
from receiver.store.held import MANY, Held
from receiver.store.lane import Lane
from receiver.store.planned import Planned
from receiver.store.records import Hold, Webhook
from receiver.store.schema import deliveries, episodes, held, incidents


@dataclass(frozen=True, slots=True)
class Fires:
    """What fires of an incident, and whether anything does; `told` are channels that know of it."""

    incident: int
    is_open: bool
    prints: frozenset[str]
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Letter:
    """A webhook of our own, owed to channels; about one incident, or about several."""

    webhook: Webhook
    channels: Sequence[str]
    incident: int | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """What comes of rows of `held`: `moved` are held on, and `letters` are what is told."""

    held: Sequence[Held]
    moved: Sequence[Held] = ()
    letters: Sequence[Letter] = ()
    prints: Collection[tuple[int, str]] = ()
    """Incidents and fingerprints of alerts that are hidden no longer."""


class Keeping:
    """The part of a store that knows who was told nothing; `plans` are windows for that."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader
        self.plans = Planned(writer, reader)

    async def reasons(self) -> list[tuple[str, Hold]]:
        """Return the channels that are kept from something, each with why."""
        return await self._reader.run(rows.reasons)

    async def held(self, hold: Hold, channels: Collection[str]) -> list[Held]:
        """Return what these channels are kept from for one reason."""
        return await self._reader.run(rows.of, hold, channels)

    async def fires(self, incident: int) -> Fires:
        """Return what fires of an incident."""
        return await self._reader.run(_fires, incident)

    async def release(self, release: Release, now: datetime) -> bool:
        """Do it, unless somebody else has; returns whether it was done."""
        return await self._writer.run(_release, release, now)


def _fires(connection: Connection, incident: int) -> Fires:
    here = episodes.c.incident == incident
    fires = select(episodes.c.fingerprint).where(here, episodes.c.status == Status.FIRING.value)
    is_open = select(incidents.c.resolved_at.is_(None)).where(incidents.c.id == incident)
    told = (
        select(deliveries.c.channel)
        .where(deliveries.c.incident == incident, deliveries.c.state.in_(("owed", "sent")))
        .distinct()
    )
    return Fires(
        incident,
        bool(connection.scalar(is_open)),
        frozenset(connection.scalars(fires)),
        frozenset(connection.scalars(told)),
    )


def _release(connection: Connection, release: Release, now: datetime) -> bool:
    keys = [(e.incident, e.channel, e.hold.reason, e.hold.name) for e in release.held]
    columns = tuple_(held.c.incident, held.c.channel, held.c.reason, held.c.name)
    parts = [keys[start : start + MANY] for start in range(0, len(keys), MANY)]
    found = [
        row
        for part in parts
        for row in connection.execute(select(held).where(columns.in_(part)).with_for_update())
    ]
    if len(found) != len(keys):
        return False
    for part in parts:
        connection.execute(delete(held).where(columns.in_(part)))
    rows.keep(connection, release.moved)
    rows.show(connection, release.prints)
    for letter in release.letters:
        incident = letter.incident or _closed(connection, letter.webhook, now)
        accept.owe(connection, letter.webhook, letter.channels, incident)
    return True


def _closed(connection: Connection, webhook: Webhook, now: datetime) -> int:
    """Make an incident that is over at once: what is told of several is no incident by itself."""
    said = webhook.notification
    row = {
        "group_hash": said.group_hash,
        "receiver": said.receiver,
        "group_key": said.group_key,
        "opened_at": now,
        "resolved_at": now,
    }
    made = connection.execute(insert(incidents).values(row).returning(incidents.c.id))
    return int(made.scalar_one())
