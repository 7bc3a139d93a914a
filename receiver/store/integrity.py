"""Looks at an SQLite file before it is used: sets one aside that is damaged, makes a new one."""

import logging
import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL

from receiver.store.schema import StoreUnavailableError

_LOG = logging.getLogger(__name__)

_PATIENCE = 20.0
"""Seconds for the look; what takes longer is used as it is, lest a large file delay alerts."""
_STEP = 1000
"""Instructions of SQLite's machine between two looks at the clock."""
_MARK = ".damaged-"
_WITH = ("", "-wal", "-shm")
"""A database is these files; a write-ahead log must not be played into another one."""
_MINE = 0o600
"""Alerts are nobody else's business. SQLite gives its log the mode that the file has."""


def prepare(path: Path) -> None:
    """Have a file that can be used, which is a new one where there is none, or a damaged one.

    Raises OSError and StoreUnavailableError.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    set_aside_if_damaged(path)
    if not path.exists():
        _make(path.resolve())


def _make(path: Path) -> None:
    """Make a file that is never empty: one that is has lost something."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, _MINE))
    try:
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        path.unlink()
        raise StoreUnavailableError(str(error)) from error


def set_aside_if_damaged(path: Path, patience: float = _PATIENCE) -> Path | None:
    """Move a damaged file away, so that a new one can be made; returns where it is then."""
    if not path.exists():
        return None
    damage = _damage(path, patience)
    if not damage:
        return None
    name = f"{path.name}{_MARK}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for end in _WITH:
        part = path.with_name(path.name + end)
        if part.exists():
            part.rename(path.with_name(name + end))
    kept = path.with_name(name)
    _LOG.error("%s is damaged: %s; kept as %s, and a new store is begun", path, damage, kept)
    return kept


def damaged(path: Path | URL) -> int:
    """Count the files that were set aside and that nobody has taken away yet; a server has none."""
    if not isinstance(path, Path):
        return 0
    kept = path.parent.glob(f"{path.name}{_MARK}*")
    return sum(not each.name.endswith(_WITH[1:]) for each in kept)


def _damage(path: Path, patience: float) -> str:
    """Say what is wrong with a file; empty where nothing is, or where that cannot be told now."""
    if not path.stat().st_size:
        return "it is empty"
    end = time.monotonic() + patience
    try:
        # Only read: the last to close a database else plays its log into it, and drops the log.
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, timeout=patience, uri=True)) as raw:
            raw.set_progress_handler(lambda: time.monotonic() > end, _STEP)
            (found,) = raw.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.OperationalError as error:  # locked, not readable, or longer than its patience
        _LOG.warning("%s could not be checked: %s", path, error)
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else str(found)
