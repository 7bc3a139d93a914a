"""The SQLite file and room on its disk: webhooks are refused before there is none.

To send what is owed, claims and outcomes must be written. So webhooks are refused while there is
still room for these, and a file in reserve is given up where others have filled the disk.

Where the file is taken away, or the log beside it, what is written goes into one without a name,
and is lost with the process. So webhooks are refused then too, and what it owes is still sent.
"""

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from receiver.store.schema import StoreUnavailableError

_LOG = logging.getLogger(__name__)

ROOM = 16 * 2**20
"""Bytes that the largest webhook takes; with less, none is accepted."""
RESERVE = 8 * 2**20
_DAMAGED = ("malformed", "not a database")
"""SQLITE_CORRUPT and SQLITE_NOTADB in words, https://sqlite.org/rescode.html."""
_MINE = 0o600
_TIGHT = 2 * 2**20
_STOP = "restart the receiver by SIGTERM, at which it saves what it holds"
_FRESH = 0.25
"""Seconds that an answer is good for: to ask lets other threads in, who keep the loop waiting."""


class Space:
    """The disk that holds a file, and whether that is still the one that was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: tuple[int, int] | None = None
        self._log = path.with_name(f"{path.name}-wal")
        self._logged: tuple[int, int] | None = None
        self._asked = -_FRESH
        self._trouble = ""
        self._damage = ""
        self._reserve = path.with_name(f"{path.name}.reserve")

    def begin(self) -> None:
        """Make what room there can be, and keep an eye on the file from now on."""
        self._opened = _identity(self._path)
        self.ease()

    def demand(self) -> None:
        """Raise StoreUnavailableError where a webhook could not be kept."""
        self.ease()
        if self._trouble:
            raise StoreUnavailableError(self._trouble)

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Take a webhook in; raises StoreUnavailableError where it could not be kept.

        Notes whether the file is damaged, which it is for whatever reads that part of it.
        """
        self.demand()
        try:
            yield
        except StoreUnavailableError as error:
            said = str(error)
            self._damage = said if any(word in said for word in _DAMAGED) else ""
            raise
        self._damage = ""

    def probe(self) -> None:
        """Raise StoreUnavailableError where the last webhook could not be kept, or none could."""
        if self._damage:
            said = f"{self._path} is damaged ({self._damage}); restart the receiver"
            raise StoreUnavailableError(f"{said}, which sets it aside")
        self.demand()

    def ease(self) -> None:
        """Give up the reserve where the disk is full, or set it aside again."""
        if time.monotonic() - self._asked >= _FRESH:
            try:
                self._trouble = self._look()
            except OSError as error:
                self._trouble = f"{self._path}: {error.strerror}"
            self._asked = time.monotonic()

    def _look(self) -> str:
        """Say why a webhook could not be kept; empty where it could."""
        if self._opened and _identity(self._path) != self._opened:
            return f"{self._path} was removed or replaced while in use; restart the receiver"
        # SQLite's log of what is not in the file yet, which lasts as long as it is open.
        logged = _identity(self._log)
        if self._logged and logged != self._logged:
            return f"{self._log} was removed or replaced; {_STOP}"
        self._logged = logged
        free = shutil.disk_usage(self._path.parent).free
        if free < _TIGHT and self._reserve.exists():
            self._reserve.unlink()
            _LOG.warning("the disk is full: the reserve is given up to send what is owed")
        elif free > ROOM + 2 * RESERVE and not self._reserve.exists():
            _allocate(self._reserve)
        if free >= ROOM:
            return ""
        needs = f"{ROOM >> 20} MiB must be free for a webhook, {free / 2**20:.1f} MiB are"
        return f"the disk of {self._path.parent} is full: {needs}"


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _allocate(path: Path) -> None:
    part = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_RDWR, _MINE)) as file:
        os.posix_fallocate(file.fileno(), 0, RESERVE)
    part.replace(path)
