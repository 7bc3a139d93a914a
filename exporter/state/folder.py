"""Files that survive a crash: written whole or not at all, kept from others, set aside."""

import errno
import fcntl
import logging
import os
import socket
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

_KEPT = 3
"""How many files set aside are kept: enough to look into, too few to fill a disk."""
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
"""What a file system says that has no locks, as some that lie on a network."""

_log = logging.getLogger(__name__)


class TakenError(OSError):
    """Another process keeps its state in this folder."""


class Replacement:
    """A new file that takes the place of `path` at `commit`, durably; until then nothing changes.

    Every method may wait for the disk.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fresh = path.with_name(f"{path.name}.new")
        self.file: BinaryIO = self._fresh.open("wb")

    def commit(self) -> None:
        """Put the file in its place, once all of it is on disk."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self._fresh.replace(self._path)
        sync_folder(self._path.parent)

    def close(self) -> None:
        """Close the file; one that was not committed is gone."""
        self.file.close()
        self._fresh.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make names in the folder durable: a rename is not before its folder is on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(folder: Path) -> str:
    """Say why nothing can be kept in a folder, which need not be there yet; empty if it can."""
    whole = folder.absolute()
    try:
        there = next(one for one in (whole, *whole.parents) if one.exists())
        with TemporaryDirectory(dir=there, prefix=".tocsin-"):
            return ""
    except OSError as error:
        return error.strerror or str(error)


class Folder:
    """A folder that one process at a time keeps its state in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def take(self) -> None:
        """Make the folder and lock it, if this process has not yet.

        The kernel gives the lock back when the process ends, however it does; it holds between
        containers of one machine and between clients of one NFS server, too. Raises TakenError
        while another process holds it, OSError where the folder cannot be made or written.
        """
        if self._lock is not None:
            return
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._flock(descriptor)
        except OSError:
            os.close(descriptor)
            raise
        self._lock = descriptor

    def _flock(self, descriptor: int) -> None:
        """Lock an open file, and write into it for people who does."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 200).decode("utf-8", "replace").strip()
            raise TakenError(
                f"state.folder: another exporter ({holder or 'unknown'}) keeps its state in "
                f"{self.path}; stop it, or name another folder with `state.folder`"
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            _log.warning(
                "%s has no locks (%s): see to it that no other exporter keeps its state there",
                self.path,
                error.strerror,
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used, for a person to look at; the newest few are kept."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = path.with_name(f"{path.name}.set-aside-{moment}")
    path.replace(aside)
    olds = sorted(path.parent.glob(f"{path.name}.set-aside-*"))
    for old in olds[:-_KEPT]:
        old.unlink()
    return aside
