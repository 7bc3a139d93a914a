"""Who stands in for whom on call, as people said by the API, and which hand-over was told last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from receiver.store import audit
from receiver.store.audit import Change
from receiver.store.lane import Lane
from receiver.store.people import handovers, overrides

MOST = 500
"""Overrides of one schedule that are kept."""
KEPT = timedelta(days=30)
"""For so long after their end, since people look back at who was on call."""


@dataclass(frozen=True, slots=True)
class Stint:
    """Somebody's time on call in a schedule, by whoever said so."""

    schedule: str
    person: str
    since: datetime
    until: datetime
    who: str = ""
    number: int = 0


class Rota:
    """The part of a store that knows of overrides and hand-overs."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def overrides(self, after: datetime) -> list[Stint]:
        """Return all that end after a time, in the order in which they were made."""
        return await self._reader.run(_overrides, after)

    async def override(self, wanted: Stint, change: Change, now: datetime) -> int | None:
        """Keep an override; returns its number, or None where the schedule has MOST already."""
        return await self._writer.run(_override, wanted, change, now)

    async def withdraw(
        self, schedule: str, number: int, change: Change, now: datetime
    ) -> Stint | None:
        """End an override now, or forget it where it has not begun.

        Returns it as it was; None where there is none that is not over.
        """
        return await self._writer.run(_withdraw, schedule, number, change, now)

    async def told(self) -> dict[str, Stint]:
        """Return of each schedule the shift that was told last."""
        return await self._reader.run(_told)

    async def tell(self, stints: Sequence[Stint]) -> None:
        """Note shifts as told, unless a later one is."""
        await self._writer.run(_tell, stints)


def _stint(row: Row[tuple[object, ...]]) -> Stint:
    fields = row._mapping  # noqa: SLF001 -- SQLAlchemy's public name
    return Stint(*(fields[n] for n in ("schedule", "person", "since", "until", "who", "id")))


def _overrides(connection: Connection, after: datetime) -> list[Stint]:
    query = select(overrides).where(overrides.c.until > after).order_by(overrides.c.id)
    return [_stint(row) for row in connection.execute(query)]


def _override(connection: Connection, wanted: Stint, change: Change, now: datetime) -> int | None:
    connection.execute(delete(overrides).where(overrides.c.until < now - KEPT))
    count = select(func.count()).where(overrides.c.schedule == wanted.schedule)
    if (connection.scalar(count) or 0) >= MOST:
        return None
    row = {"schedule": wanted.schedule, "person": wanted.person, "who": wanted.who, "made_at": now}
    row |= {"since": wanted.since, "until": wanted.until}
    made = connection.execute(insert(overrides).values(row)).inserted_primary_key
    audit.note(connection, change, now)
    return int(made[0]) if made else None


def _withdraw(
    connection: Connection, schedule: str, number: int, change: Change, now: datetime
) -> Stint | None:
    this = (overrides.c.id == number) & (overrides.c.schedule == schedule)
    query = select(overrides).where(this, overrides.c.until > now).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.since < now:  # who was on call until now is still true
        connection.execute(update(overrides).where(this).values(until=now))
    else:
        connection.execute(delete(overrides).where(this))
    audit.note(connection, change, now)
    return _stint(row)


def _told(connection: Connection) -> dict[str, Stint]:
    rows = connection.execute(select(handovers))
    return {r.schedule: Stint(r.schedule, r.person, r.since, r.until) for r in rows}


def _tell(connection: Connection, stints: Sequence[Stint]) -> None:
    for each in stints:
        row = {"person": each.person, "since": each.since, "until": each.until}
        here = handovers.c.schedule == each.schedule
        if connection.scalar(select(handovers.c.schedule).where(here)) is None:
            connection.execute(insert(handovers).values(schedule=each.schedule, **row))
        else:
            earlier = here & (handovers.c.since <= each.since)
            connection.execute(update(handovers).where(earlier).values(row))
