"""Pictures that messages link to, for any receiver of this store to show; not too many for ever."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from receiver.store.lane import Lane
from receiver.store.schema import pictures

_MOST = 500
"""Pictures that are kept at most, each some 50 KB."""
LASTS = timedelta(days=7)
"""How long one is kept, unless there are too many."""


class Gallery:
    """The pictures of a store."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def hang(self, picture: bytes, now: datetime) -> str:
        """Keep a picture, and forget old ones; returns its name, which tells what is in it."""
        name = hashlib.sha256(picture).hexdigest()[:32]
        await self._writer.run(_hang, name, picture, now)
        return name

    async def show(self, name: str) -> bytes | None:
        """Return a picture, or None where it is not there any longer."""
        return await self._reader.run(_show, name)


def _hang(connection: Connection, name: str, picture: bytes, now: datetime) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    made = dialect.insert(pictures).values(name=name, made_at=now, data=picture)
    connection.execute(made.on_conflict_do_update(index_elements=["name"], set_={"made_at": now}))
    newest = select(pictures.c.name).order_by(pictures.c.made_at.desc())
    aged = select(pictures.c.name).where(pictures.c.made_at < now - LASTS)
    # Two receivers that forget would wait for each other, each for what the other forgets.
    for old in (newest.offset(_MOST), aged):
        names = connection.scalars(old.limit(_MOST).with_for_update(skip_locked=True)).all()
        connection.execute(delete(pictures).where(pictures.c.name.in_(names)))


def _show(connection: Connection, name: str) -> bytes | None:
    found = connection.scalar(select(pictures.c.data).where(pictures.c.name == name))
    return None if found is None else bytes(found)
