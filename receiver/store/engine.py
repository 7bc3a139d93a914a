"""Opens the database, and says in one way what is wrong with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from receiver.store.schema import StoreUnavailableError

READERS = 4
CLAIMERS = 2

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(7106547)"
"""What BEGIN IMMEDIATE is to SQLite: who takes in webhooks waits for who does, on any machine.

Two Alertmanagers tell two receivers of one group in the same moment. One that waits sees what
the other wrote; without, both would notify, or meet in a deadlock.
"""
_LONGEST_STATEMENT = 60.0
"""Seconds; the longest is a pruning, and what has no limit waits for ever on a lost network."""
_LONGEST_IDLE = 10.0
"""Seconds within a transaction: a receiver that hangs must not keep its locks."""
_ALWAYS = (
    "-c synchronous_commit=on",
    # A plan made once, while next to nothing was owed, would be kept through the storm.
    "-c plan_cache_mode=force_custom_plan",
)
_EXISTING = {"mode": "rw", "uri": "true"}
_GATE = 1.0
"""Seconds that a claimer waits for a lock: behind it wait the claims of other channels."""


@dataclass(frozen=True, slots=True)
class Engines:
    """`writing` has one transaction at a time, over all receivers; `claiming` may have several."""

    writing: Engine
    claiming: Engine
    reading: Engine


def open_engines(database: Path | URL, patience: float) -> Engines:
    """Make the engines of a store; `patience` is how many seconds a lock is waited for."""
    if isinstance(database, URL):
        return Engines(
            open_postgresql(database, begin=_ONE_AT_A_TIME, connections=1, patience=patience),
            open_postgresql(
                database, connections=CLAIMERS, patience=patience, lock=min(_GATE, patience)
            ),
            open_postgresql(database, connections=READERS, patience=patience),
        )
    # SQLite has one writer at a time; with a write-ahead log it holds up no reader.
    writing = open_sqlite(database, begin="BEGIN IMMEDIATE", connections=1, patience=patience)
    reading = open_sqlite(database, begin="BEGIN", connections=READERS, patience=patience)
    return Engines(writing, writing, reading)


def open_sqlite(path: Path, *, begin: str, connections: int, patience: float) -> Engine:
    """Make an engine on an SQLite file whose transactions start with the statement `begin`.

    The driver's own transactions are turned off, since they would begin too late to serialise
    read and write. https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#sqlite-transactions
    """
    engine = create_engine(
        # Never made here: a file that was taken away must not be taken for an empty store.
        URL.create("sqlite", None, None, None, None, path.absolute().as_uri(), _EXISTING),
        connect_args={"isolation_level": None},
        json_deserializer=orjson.loads,
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

    event.listen(engine, "connect", prepare)
    _begin_with(engine, begin)
    return engine


def open_postgresql(
    url: URL, *, begin: str = "", connections: int, patience: float, lock: float | None = None
) -> Engine:
    """Make an engine on a PostgreSQL database; a connection that was lost is made again.

    `patience` is how many seconds a connection is waited for, and a lock unless `lock` says so.
    """
    settings = {
        "lock_timeout": patience if lock is None else lock,
        "statement_timeout": _LONGEST_STATEMENT,
        "idle_in_transaction_session_timeout": _LONGEST_IDLE,
    }
    options = [f"-c {name}={int(seconds * 1000)}" for name, seconds in settings.items()]
    engine = create_engine(
        url,
        connect_args={
            "options": " ".join([*options, *_ALWAYS]),
            "connect_timeout": max(1, int(patience)),
            "tcp_user_timeout": int(_LONGEST_STATEMENT * 1000),
            "application_name": "tocsin-receiver",
        },
        json_deserializer=orjson.loads,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=patience,
        pool_pre_ping=True,
    )
    if begin:
        _begin_with(engine, begin)
    return engine


def _begin_with(engine: Engine, statement: str) -> None:
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    event.listen(engine, "begin", start)


@contextmanager
def explained() -> Iterator[None]:
    """Raise StoreUnavailableError where the database is locked, full, away or broken."""
    try:
        yield
    except DBAPIError as error:
        own = isinstance(error.orig, sqlite3.Error)
        public = None if own else "its database is away, or refuses"
        raise StoreUnavailableError(_line(error.orig), public) from error
    except (NoConnectionError, PendingRollbackError) as error:
        raise StoreUnavailableError(_line(error)) from error
    except sqlite3.Error as error:  # from `prepare`, which SQLAlchemy does not wrap
        raise StoreUnavailableError(str(error)) from error


def _line(error: object) -> str:
    """Say it on one line: PostgreSQL draws the place of a mistake below it."""
    return " ".join(str(error).split())
