"""Maintenance windows that were planned while the receiver runs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from receiver.store import audit
from receiver.store.audit import Change
from receiver.store.lane import Lane
from receiver.store.people import maintenance

MOST = 500


@dataclass(frozen=True, slots=True)
class Plan:
    """A window as JSON, when it was planned, and by whom."""

    name: str
    made_at: datetime
    made_by: str
    window: str


class Planned:
    """The part of a store that has them."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def all(self) -> list[Plan]:
        """Return all, by their names."""
        return await self._reader.run(_all)

    async def add(self, plan: Plan) -> str:
        """Add one, unless there is one of its name, or MOST; returns what stands against it."""
        return await self._writer.run(_add, plan)

    async def drop(self, names: Collection[str], change: Change, at: datetime) -> int:
        """Take some away; returns how many there were."""
        return await self._writer.run(_drop, names, change, at)


def _all(connection: Connection) -> list[Plan]:
    columns = (maintenance.c[name] for name in Plan.__dataclass_fields__)
    rows = connection.execute(select(*columns).order_by(maintenance.c.name))
    return [Plan(*row) for row in rows]


def _add(connection: Connection, plan: Plan) -> str:
    here = select(maintenance.c.name).where(maintenance.c.name == plan.name)
    if connection.scalar(here) is not None:
        return "taken"
    if (connection.scalar(select(func.count()).select_from(maintenance)) or 0) >= MOST:
        return "full"
    row = {name: getattr(plan, name) for name in Plan.__dataclass_fields__}
    connection.execute(insert(maintenance).values(row))
    change = Change(plan.made_by, "plan", f"maintenance {plan.name}", plan.window)
    audit.note(connection, change, plan.made_at)
    return ""


def _drop(connection: Connection, names: Collection[str], change: Change, at: datetime) -> int:
    gone = connection.execute(delete(maintenance).where(maintenance.c.name.in_(names))).rowcount
    if gone:
        audit.note(connection, change, at)
    return gone
