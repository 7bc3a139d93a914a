"""Where the file is kept: read and replaced whole, by one receiver at a time."""

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

_EVERYBODY = 0o644
"""Who may read it: Prometheus runs as somebody else."""
_PAUSE = 0.1


@asynccontextmanager
async def held(path: Path, patience: float) -> AsyncIterator[None]:
    """Keep whoever else changes the file waiting; raises TimeoutError, and OSError.

    What is locked is its folder, since the file itself is exchanged.
    """
    folder, until = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY), monotonic() + patience
    try:
        while not _is_taken(folder):
            if monotonic() >= until:
                raise TimeoutError
            await asyncio.sleep(_PAUSE)
        yield
    finally:
        os.close(folder)


def _is_taken(folder: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def content(path: Path) -> bytes | None:
    """Return what the file has; None where there is none. Raises OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def replace(path: Path, new: bytes | None) -> None:
    """Put another content in its place, whole or not at all, or take it away; raises OSError."""
    if new is None:
        path.unlink(missing_ok=True)
    else:
        _put(path, new)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _put(path: Path, new: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with ExitStack() as failed:
        failed.callback(Path(name).unlink)
        with os.fdopen(handle, "wb") as file:
            file.write(new)
            file.flush()
            os.fchmod(handle, _EVERYBODY)
            os.fsync(handle)
        Path(name).replace(path)
        failed.pop_all()
