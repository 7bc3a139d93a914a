"""Room on the disk of an SQLite file: webhooks are refused before there is none.

To send what is owed, claims and outcomes must be written. So webhooks are refused while there is
still room for these, and a file in reserve is given up where others have filled the disk.
"""

import logging
import os
import shutil
import time
from pathlib import Path

from receiver.store.schema import StoreUnavailableError

_LOG = logging.getLogger(__name__)

ROOM = 16 * 2**20
"""Bytes that the largest webhook takes; with less, none is accepted."""
RESERVE = 8 * 2**20
_TIGHT = 2 * 2**20
_FRESH = 0.25
"""Seconds that an answer is good for: to ask lets other threads in, who keep the loop waiting."""


class Space:
    """The disk that holds a file."""

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._asked = -_FRESH
        self._free = 0
        self._reserve = path.with_name(f"{path.name}.reserve")

    def demand(self) -> None:
        """Raise StoreUnavailableError where there is no room for a webhook."""
        if (free := self.ease()) < ROOM:
            needs = f"{ROOM >> 20} MiB must be free for a webhook, {free / 2**20:.1f} MiB are"
            raise StoreUnavailableError(f"the disk of {self._folder} is full: {needs}")

    def ease(self) -> int:
        """Give up the reserve where the disk is full, or set it aside again; returns what is free.

        Raises StoreUnavailableError where the disk cannot be asked.
        """
        if time.monotonic() - self._asked >= _FRESH:
            try:
                self._free = self._look()
            except OSError as error:
                raise StoreUnavailableError(f"{self._folder}: {error.strerror}") from error
            self._asked = time.monotonic()
        return self._free

    def _look(self) -> int:
        free = shutil.disk_usage(self._folder).free
        if free < _TIGHT and self._reserve.exists():
            self._reserve.unlink()
            _LOG.warning("the disk is full: the reserve is given up to send what is owed")
        elif free > ROOM + 2 * RESERVE and not self._reserve.exists():
            _allocate(self._reserve)
        return free


def _allocate(path: Path) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, RESERVE)
    part.replace(path)
