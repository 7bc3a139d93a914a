"""What keeps responses from acting until a person lets them: the switch of all, and breakers."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from receiver.store import audit
from receiver.store.audit import Change
from receiver.store.bulk import inserting
from receiver.store.lane import Lane
from receiver.store.repairs import breakers, switches

SWITCH = "responses"


class Stops:
    """The part of a store that knows what is stopped."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def breakers(self) -> dict[str, tuple[datetime, str]]:
        """Return the runbooks whose breaker is open, since when and why."""
        return await self._reader.run(breakers_of)

    async def reset(self, runbook: str, now: datetime, change: Change) -> bool:
        """Close a breaker; False where it is not open."""
        return await self._writer.run(_reset, runbook, now, change)

    async def switched(self) -> tuple[datetime, str, str] | None:
        """Return when, by whom and why all responses were stopped, if they are."""
        return await self._reader.run(switch_of)

    async def throw(self, who: str, reason: str, now: datetime, change: Change) -> None:
        """Stop all responses."""
        await self._writer.run(_throw, who, reason, now, change)

    async def release(self, now: datetime, change: Change) -> bool:
        """Let responses act again; False where they may."""
        return await self._writer.run(_release, now, change)


def breakers_of(connection: Connection) -> dict[str, tuple[datetime, str]]:
    """Return the runbooks whose breaker is open, since when and why."""
    return {
        row.runbook: (row.opened_at, row.reason) for row in connection.execute(select(breakers))
    }


def _reset(connection: Connection, runbook: str, now: datetime, change: Change) -> bool:
    gone = connection.execute(delete(breakers).where(breakers.c.runbook == runbook)).rowcount
    if gone:
        audit.note(connection, change, now)
    return bool(gone)


def switch_of(connection: Connection) -> tuple[datetime, str, str] | None:
    """Return when, by whom and why all responses were stopped, if they are."""
    row = connection.execute(select(switches).where(switches.c.name == SWITCH)).one_or_none()
    return row and (row.at, row.who, row.reason)


def _throw(connection: Connection, who: str, reason: str, now: datetime, change: Change) -> None:
    row = {"name": SWITCH, "at": now, "who": who, "reason": reason}
    connection.execute(inserting(connection)(switches).on_conflict_do_nothing(), row)
    audit.note(connection, change, now)


def _release(connection: Connection, now: datetime, change: Change) -> bool:
    gone = connection.execute(delete(switches).where(switches.c.name == SWITCH)).rowcount
    if gone:
        audit.note(connection, change, now)
    return bool(gone)
