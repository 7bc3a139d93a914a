"""Adds many rows by one plain statement.

SQLAlchemy goes through each row's columns by itself, which takes longer than to write the row.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Dialect,
    Integer,
    Select,
    Table,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

_Write = Callable[[Any], Any]


def add(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, anew: bool = True
) -> None:
    """Add rows that all name the same columns; unless `anew`, those that are there stay as is."""
    if not rows:
        return
    names = tuple(rows[0])
    columns = [
        _column(rows, name, write)
        for name, write in zip(names, _writers(table, names, connection.dialect), strict=True)
    ]
    statement = _insert(table, names, connection.dialect.paramstyle)
    if not anew:
        key = ", ".join(column.name for column in table.primary_key)
        statement += f" ON CONFLICT ({key}) DO NOTHING"
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


def inserting(connection: Connection) -> Any:
    """Return the INSERT of this database, which knows `on_conflict_do_nothing`."""
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


def numbers(connection: Connection, table: Table, count: int) -> Sequence[int]:
    """Return the next ids of a table, so that rows are known by them before they are added."""
    if connection.dialect.name == "postgresql":
        return connection.scalars(_following(table), {"count": count}).all()
    newest = connection.scalar(_newest(table)) or 0  # nobody else writes now
    return range(newest + 1, newest + 1 + count)


@cache
def _following(table: Table) -> Select[int]:
    following = func.nextval(func.pg_get_serial_sequence(table.name, "id"), type_=BigInteger)
    return select(following).select_from(func.generate_series(1, bindparam("count", type_=Integer)))


@cache
def _newest(table: Table) -> Select[int]:
    return select(func.max(table.c.id))


def _column(rows: Iterable[Mapping[str, Any]], name: str, write: _Write | None) -> Iterable[Any]:
    values = map(itemgetter(name), rows)
    return values if write is None else map(write, values)


@lru_cache(maxsize=64)
def _writers(table: Table, names: Sequence[str], dialect: Dialect) -> list[_Write | None]:
    """Return for each column what turns a value into the driver's, where it must be turned."""
    types = (table.c[name].type.dialect_impl(dialect) for name in names)
    return [each.bind_processor(dialect) for each in types]


@cache
def _insert(table: Table, names: Sequence[str], paramstyle: str) -> str:
    marks = ", ".join(["?" if paramstyle == "qmark" else "%s"] * len(names))
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 -- names of our own
