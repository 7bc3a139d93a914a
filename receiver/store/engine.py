"""Opens the database, and says in one way what is wrong with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from receiver.store.schema import StoreUnavailableError


def open_sqlite(path: Path, *, begin: str, connections: int, patience: float) -> Engine:
    """Make an engine on an SQLite file whose transactions start with the statement `begin`.

    `patience` is how many seconds a lock is waited for. The driver's own transactions are
    turned off, since they would begin too late to serialise read and write.
    https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#sqlite-transactions
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"isolation_level": None},
        pool_size=connections,
        max_overflow=0,
    )

    def prepare(connection: sqlite3.Connection, _: Any) -> None:
        cursor = connection.cursor()
        for setting in (
            f"busy_timeout = {int(patience * 1000)}",
            "journal_mode = WAL",
            "synchronous = FULL",  # NORMAL may lose committed rows when the power goes
            "foreign_keys = ON",
        ):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", start)
    return engine


@contextmanager
def explained() -> Iterator[None]:
    """Raise StoreUnavailableError where the database is locked, full, away or broken."""
    try:
        yield
    except DBAPIError as error:
        raise StoreUnavailableError(str(error.orig)) from error
    except sqlite3.Error as error:  # from `prepare`, which SQLAlchemy does not wrap
        raise StoreUnavailableError(str(error)) from error
