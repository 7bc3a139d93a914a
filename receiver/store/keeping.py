"""What those are told who were told nothing for a while, once that is over.

Whoever takes the rows of `held` away in the transaction that owes the message tells it, and nobody
else does.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.model import Status
from receiver.store import accept, bulk
from receiver.store import held as rows
from receiver.store.episodes import opening
from receiver.store.held import MANY, Held
from receiver.store.lane import Lane
from receiver.store.planned import Planned
from receiver.store.quiet import held, said
from receiver.store.records import Hold, Webhook
from receiver.store.schema import Instant, deliveries, episodes, incidents

_LATEST = 1_000
"""Incidents of which the receivers are looked at."""


@dataclass(frozen=True, slots=True)
class Fires:
    """What fires of an incident, and whether anything does; `told` are channels that know of it."""

    incident: int
    is_open: bool
    prints: frozenset[str]
    told: frozenset[str]


@dataclass(frozen=True, slots=True)
class Flaps:
    """How often a group's alerts began while they were hidden as they flap.

    Since when, when it last changed, and the newest incident.
    """

    count: int
    since: datetime
    last: datetime
    incident: int


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
    calm: Hold | None = None
    """What flapped and does no longer."""


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

    async def flaps(self, hold: Hold) -> Flaps | None:
        """Return how a group flaps; None where nothing is known of that."""
        return await self._reader.run(_flaps, hold)

    async def release(self, release: Release, now: datetime) -> bool:
        """Do it, unless somebody else has; returns whether it was done."""
        return await self._writer.run(_release, release, now)

    async def say_once(self, what: str, letter: Letter, now: datetime) -> bool:
        """Owe a letter about this, unless one was owed before; returns whether it is owed."""
        return await self._writer.run(_say_once, what, letter, now)

    async def was_said(self, what: Collection[str]) -> frozenset[str]:
        """Return that of this of which a letter was owed."""
        return await self._reader.run(_was_said, what)

    async def receivers(self) -> dict[str, int]:
        """Return what Alertmanager calls this receiver, with the newest incident of each name."""
        return await self._reader.run(_receivers)


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


def _say_once(connection: Connection, what: str, letter: Letter, now: datetime) -> bool:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(said).values(what=what, at=now).on_conflict_do_nothing()
    # Counted by what comes back: the number of rows of such a statement is not always known.
    if connection.scalar(statement.returning(said.c.what)) is None:
        return False
    incident = letter.incident or closed(connection, letter.webhook, now)
    accept.owe(connection, letter.webhook, letter.channels, incident)
    return True


def _was_said(connection: Connection, what: Collection[str]) -> frozenset[str]:
    return frozenset(connection.scalars(select(said.c.what).where(said.c.what.in_(what))))


def _receivers(connection: Connection) -> dict[str, int]:
    theirs = incidents.c.group_key.not_like("tocsin:%")
    newest = select(incidents.c.receiver, incidents.c.id).where(theirs)
    rows = connection.execute(newest.order_by(incidents.c.id.desc()).limit(_LATEST))
    return {row.receiver: row.id for row in reversed(rows.all())}


def forget(connection: Connection, before: datetime, most: int) -> int:
    """Forget what was said once, before a time; returns how much."""
    old = list(connection.scalars(select(said.c.what).where(said.c.at < before).limit(most)))
    connection.execute(delete(said).where(said.c.what.in_(old)))
    return len(old)


def _flaps(connection: Connection, hold: Hold) -> Flaps | None:
    changed = func.coalesce(episodes.c.ends_at, episodes.c.starts_at)
    row = connection.execute(
        select(
            func.count().label("several"),
            func.min(episodes.c.starts_at, type_=Instant).label("since"),
            func.max(changed, type_=Instant).label("last"),
            func.max(episodes.c.incident).label("incident"),
        ).where(episodes.c.hidden_by == hold.mark)
    ).one()
    return Flaps(row.several, row.since, row.last, row.incident) if row[0] else None


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
    if release.calm:
        marked = episodes.c.hidden_by == release.calm.mark
        connection.execute(update(episodes).where(marked).values(hidden_by=None))
    for letter in release.letters:
        incident = letter.incident or closed(connection, letter.webhook, now)
        accept.owe(connection, letter.webhook, letter.channels, incident)
    return True


def closed(connection: Connection, webhook: Webhook, now: datetime) -> int:
    """Make an incident that is over at once: what is told of several is no incident by itself."""
    (number,) = bulk.numbers(connection, incidents, 1)
    connection.execute(insert(incidents).values(**opening(webhook, number), resolved_at=now))
    return number
