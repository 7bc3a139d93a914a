"""What is remembered of each destination: tokens, pauses, failures."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.store.lane import Lane
from receiver.store.records import Gate
from receiver.store.schema import EPOCH, gates

_FIELDS = tuple(gates.c[name] for name in Gate.__dataclass_fields__)
# Made once: a statement takes longer to put together than to run.
_HERE = gates.c.destination == bindparam("here")
_LOOK = select(*_FIELDS).where(_HERE)
_HOLD = _LOOK.with_for_update()
_HOLD_IF_FREE = _LOOK.with_for_update(skip_locked=True)
_WRITE = update(gates).where(_HERE).values({c: bindparam(f"new_{c.name}") for c in _FIELDS})


class Gates:
    """The part of a store that knows how destinations fare."""

    def __init__(self, reader: Lane) -> None:
        self._reader = reader

    async def every(self) -> Mapping[str, Gate]:
        """Return what is remembered of each, as it is now."""
        return await self._reader.run(_every)


def _every(connection: Connection) -> dict[str, Gate]:
    rows = connection.execute(select(gates.c.destination, *_FIELDS))
    return {name: Gate(*values) for name, *values in rows}


def hold(connection: Connection, destination: str) -> Gate:
    """Look at a gate, and keep it from others until the transaction ends; waits for who has it."""
    row = connection.execute(_HOLD, {"here": destination}).one_or_none()
    return _make(connection, destination) if row is None else Gate(*row)


def hold_if_free(connection: Connection, destination: str) -> Gate | None:
    """Look at a gate, and keep it from others; None where another receiver has it now."""
    row = connection.execute(_HOLD_IF_FREE, {"here": destination}).one_or_none()
    if row is None and look(connection, destination) is None:
        return _make(connection, destination)
    return None if row is None else Gate(*row)


def look(connection: Connection, destination: str) -> Gate | None:
    """Look at a gate, as it was before whoever has it now; None where there is none yet."""
    row = connection.execute(_LOOK, {"here": destination}).one_or_none()
    return None if row is None else Gate(*row)


def _make(connection: Connection, destination: str) -> Gate:
    """Make a gate, and keep it from others; or take that which another has made meanwhile."""
    values = {"destination": destination, **_values(Gate())}
    if connection.dialect.name == "postgresql":
        connection.execute(postgresql.insert(gates).values(values).on_conflict_do_nothing())
    else:
        connection.execute(sqlite.insert(gates).values(values).on_conflict_do_nothing())
    return Gate(*connection.execute(_HOLD, {"here": destination}).one())


def write(connection: Connection, destination: str, old: Gate, new: Gate) -> None:
    """Remember a gate that has changed."""
    if new != old:
        connection.execute(_WRITE, {"here": destination, **_values(new, "new_")})


def _values(gate: Gate, prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}{name}": getattr(gate, name) for name in Gate.__dataclass_fields__}


def forget_failures(connection: Connection) -> None:
    """Try every destination afresh; what it asked for itself is still kept."""
    connection.execute(update(gates).values(failures=0, open_until=EPOCH))
