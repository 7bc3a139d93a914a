"""Opens the database and runs transactions: one writer, readers beside it."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from receiver.store.schema import StoreUnavailableError

_READERS = 4


def open_sqlite(path: Path, *, begin: str, connections: int, patience: float) -> AsyncEngine:
    """Make an engine on an SQLite file whose transactions start with the statement `begin`.

    `patience` is how many seconds a connection or a lock is waited for. The driver's own
    transactions are turned off, since they would begin too late to serialise read and write.
    https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#sqlite-transactions
    """
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        connect_args={"isolation_level": None},
        pool_size=connections,
        max_overflow=0,
        pool_timeout=patience,
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

    event.listen(engine.sync_engine, "connect", prepare)
    event.listen(engine.sync_engine, "begin", start)
    return engine


def look(path: Path, patience: float) -> None:
    """Open the file once; raises StoreUnavailableError where that cannot be done.

    A driver thread whose first connection fails would outlive the event loop.
    """
    try:
        with closing(sqlite3.connect(path, timeout=patience)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise StoreUnavailableError(str(error)) from error


def writer(path: Path, patience: float) -> AsyncEngine:
    """Make the one connection that writes; it takes SQLite's write lock when it begins."""
    return open_sqlite(path, begin="BEGIN IMMEDIATE", connections=1, patience=patience)


def reader(path: Path, patience: float) -> AsyncEngine:
    """Make the connections that read; with a write-ahead log no writer holds them up."""
    return open_sqlite(path, begin="BEGIN", connections=_READERS, patience=patience)


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Run a transaction: committed at the end, rolled back on error.

    Raises StoreUnavailableError where the database is locked, full, away or broken.
    """
    try:
        async with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise StoreUnavailableError(str(error.orig)) from error
    except sqlite3.Error as error:  # from `prepare`, which SQLAlchemy does not wrap
        raise StoreUnavailableError(str(error)) from error
    except PoolTimeoutError as error:
        raise StoreUnavailableError("the store is busy") from error
