"""What is remembered of each destination: tokens, pauses, failures."""

from dataclasses import asdict

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.store.records import Gate
from receiver.store.schema import EPOCH, gates

_FIELDS = tuple(gates.c[name] for name in Gate.__dataclass_fields__)


def read(connection: Connection, destination: str) -> Gate:
    """Look at a gate, and keep it from others until the transaction ends."""
    asked = select(*_FIELDS).where(gates.c.destination == destination).with_for_update()
    row = connection.execute(asked).one_or_none()
    if row is None:
        values = {"destination": destination, **asdict(Gate())}
        if connection.dialect.name == "postgresql":
            connection.execute(postgresql.insert(gates).values(values).on_conflict_do_nothing())
        else:
            connection.execute(sqlite.insert(gates).values(values).on_conflict_do_nothing())
        row = connection.execute(asked).one()
    return Gate(*row)


def write(connection: Connection, destination: str, old: Gate, new: Gate) -> None:
    """Remember a gate that has changed."""
    if new != old:
        here = update(gates).where(gates.c.destination == destination)
        connection.execute(here.values(**asdict(new)))


def forget_failures(connection: Connection) -> None:
    """Try every destination afresh; what it asked for itself is still kept."""
    connection.execute(update(gates).values(failures=0, open_until=EPOCH))
