"""Deletes files below folders, whatever others do to these folders meanwhile.

Each folder is opened by its name within the one that is open already, never by a path, and never
through a link: so nothing that is swapped in between can lead elsewhere.
"""

import errno
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from receiver.responses.actions.aside import Look

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_DEEPEST = 64
"""Folders in one another, each of which is held open."""
_KEPT = 1_000
_BLOCK = 512
"""Bytes that `st_blocks` counts in."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which files: by name, written to `before` (seconds since 1970), of so many bytes.

    `most` and `most_bytes` bound all of it, and `until` the time, by the monotonic clock.
    """

    names: Sequence[str]
    before: float
    larger: int
    most: int
    most_bytes: int | None
    until: float

    def wants(self, name: str, about: os.stat_result) -> bool:
        """Whether this is one of them."""
        return (
            stat.S_ISREG(about.st_mode)
            and about.st_mtime < self.before
            and about.st_size >= self.larger
            and any(fnmatchcase(name, each) for each in self.names)
        )


@dataclass(slots=True)
class Swept:
    """What was deleted so far, and what could not be; `over` is the bound that was reached."""

    count: int = 0
    bytes: int = 0
    refused: int = 0
    why: str = ""
    over: str = ""
    paths: list[str] = field(default_factory=list)


def sweep(roots: Sequence[str], rule: Rule, swept: Swept, look: Look) -> None:
    """Delete below each root; `swept` says at any time what was done."""
    for root in roots:
        try:
            handle = _root(root)
        except OSError as error:
            _refuse(swept, error)
            continue
        try:
            _Sweeper(rule, swept, look, _mount(handle)).folder(handle, root, 1)
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class _Sweeper:
    rule: Rule
    swept: Swept
    look: Look
    mount: str

    def folder(self, handle: int, path: str, depth: int) -> None:
        """Go through a folder that is open."""
        with os.scandir(handle) as entries:
            for entry in entries:
                self.look()
                if self._is_over():
                    return
                try:
                    self._entry(handle, entry.name, path, depth)
                except OSError as error:
                    if error.errno != errno.ENOENT:
                        _refuse(self.swept, error)

    def _entry(self, folder: int, name: str, path: str, depth: int) -> None:
        about = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(about.st_mode) and depth < _DEEPEST:
            handle = os.open(name, _FOLDER, dir_fd=folder)
            try:
                if _mount(handle) == self.mount:
                    self.folder(handle, f"{path}/{name}", depth + 1)
            finally:
                os.close(handle)
        elif self.rule.wants(name, about) and self._has_room(about):
            os.unlink(name, dir_fd=folder)
            self._count(f"{path}/{name}", about)

    def _has_room(self, about: os.stat_result) -> bool:
        most = self.rule.most_bytes
        return most is None or self.swept.bytes + about.st_blocks * _BLOCK <= most

    def _is_over(self) -> bool:
        if self.swept.count >= self.rule.most:
            self.swept.over = f"{self.rule.most} files"
        elif time.monotonic() >= self.rule.until:
            self.swept.over = "its time"
        return bool(self.swept.over)

    def _count(self, path: str, about: os.stat_result) -> None:
        self.swept.count += 1
        if about.st_nlink == 1:  # else another name still holds what is in it
            self.swept.bytes += about.st_blocks * _BLOCK
        if len(self.swept.paths) < _KEPT:
            shown = "".join(char if char.isprintable() else "?" for char in path)
            self.swept.paths.append(shown)


def _root(path: str) -> int:
    """Open a folder, none of whose parents is a link either; raises OSError."""
    handle = os.open("/", _FOLDER)
    for name in Path(path).parts[1:]:
        try:
            inner = os.open(name, _FOLDER, dir_fd=handle)
        finally:
            os.close(handle)
        handle = inner
    return handle


def _mount(handle: int) -> str:
    """Say on which mount an open folder is: the device alone is the same within a bind mount."""
    device = os.fstat(handle).st_dev
    try:
        lines = Path(f"/proc/self/fdinfo/{handle}").read_text("ascii").splitlines()
    except OSError:
        return f"{device}"
    return next((f"{device} {line}" for line in lines if line.startswith("mnt_id")), f"{device}")


def _refuse(swept: Swept, error: OSError) -> None:
    swept.refused += 1
    swept.why = swept.why or error.strerror or type(error).__name__
