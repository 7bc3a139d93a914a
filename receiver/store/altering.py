"""Changes that a step of `migrations` makes to the tables of an older store."""

from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table
from sqlalchemy.schema import CreateColumn, SchemaItem


def add_column(connection: Connection, table: str, column: Column[Any]) -> None:
    """Add a column; one that is not nullable needs a `server_default` for the rows there are."""
    Table(table, MetaData(), column)
    sql = CreateColumn(column).compile(dialect=connection.dialect)
    connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {sql}")


def add_table(connection: Connection, name: str, *items: SchemaItem) -> None:
    """Make a table; its foreign keys may name tables that exist."""
    existing = MetaData()
    existing.reflect(connection)
    Table(name, existing, *items).create(connection)


def add_index(connection: Connection, name: str, columns: str, where: str = "") -> None:
    """Make an index, e.g. on `deliveries (state, id)`."""
    condition = f" WHERE {where}" if where else ""
    connection.exec_driver_sql(f"CREATE INDEX {name} ON {columns}{condition}")
