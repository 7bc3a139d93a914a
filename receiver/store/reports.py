"""Which reports were told last; whoever moves that on tells the next, and nobody else does."""

from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.store import accept, keeping
from receiver.store.keeping import Letter
from receiver.store.lane import Lane
from receiver.store.people import reports


class Reports:
    """The part of a store that knows which reports were told."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def told(self) -> dict[str, datetime]:
        """Return of each kind when the one that was told last was due."""
        return await self._reader.run(_told)

    async def begin(self, kind: str, due: datetime) -> None:
        """Note, of a kind of which none was told yet, that those up to `due` never are."""
        await self._writer.run(_begin, kind, due)

    async def tell(self, kind: str, due: datetime, letter: Letter, now: datetime) -> bool:
        """Owe a report, unless it or a later one was told; returns whether it is owed."""
        return await self._writer.run(_tell, kind, due, letter, now)


def _told(connection: Connection) -> dict[str, datetime]:
    return {row.kind: row.due for row in connection.execute(select(reports))}


def _begin(connection: Connection, kind: str, due: datetime) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(reports).values(kind=kind, due=due).on_conflict_do_nothing())


def _tell(connection: Connection, kind: str, due: datetime, letter: Letter, now: datetime) -> bool:
    moved = update(reports).where(reports.c.kind == kind, reports.c.due < due).values(due=due)
    if connection.scalar(moved.returning(reports.c.kind)) is None:
        return False
    incident = keeping.closed(connection, letter.webhook, now)
    accept.owe(connection, letter.webhook, letter.channels, incident)
    return True
