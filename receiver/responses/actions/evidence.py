"""What can be seen of a machine in trouble: each a text, read in a thread, and bounded."""

import os
import stat
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from receiver.responses.actions.aside import Look

if TYPE_CHECKING:
    import psutil

_ROWS = 15
_WIDEST = 200
"""Letters of a line: an argv can be as long as it likes."""
_SAMPLE = 0.5
"""Seconds over which the use of the CPU is counted."""
_TAIL = 256 * 1024
_BLOCK = 512
"""Bytes that `st_blocks` counts in, whatever the file system."""


class UnseenError(Exception):
    """What cannot be seen, and why."""


def processes(look: Look) -> str:
    """List what used most CPU just now, and what holds most memory."""
    import psutil

    before = {(p.pid, p.create_time()): _seconds(p) for p in _all()}
    time.sleep(_SAMPLE)
    look()
    rows = []
    for each in _all():
        look()
        try:
            with each.oneshot():
                start = before.get((each.pid, each.create_time()))
                used = (_seconds(each) - start) / _SAMPLE if start is not None else 0.0
                argv = " ".join(each.cmdline()) or each.name()
                rows.append((used, each.memory_info().rss, each.pid, each.username(), argv))
        except psutil.Error:
            continue
    by_cpu = sorted(rows, reverse=True)[:_ROWS]
    by_memory = sorted(rows, key=lambda row: row[1], reverse=True)[:_ROWS]
    head = "   PID       USER   CPUS      MEMORY  COMMAND"
    lines = ["by CPU", head, *map(_row, by_cpu), "", "by memory", head, *map(_row, by_memory)]
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    return "\n".join([f"load {load} on {os.cpu_count()} CPUs, {len(rows)} processes", *lines])


def disk(root: Path, until: float, look: Look) -> str:
    """Sum up what each folder below `root` takes; up to `until`, by the monotonic clock.

    It stays on one file system and follows no link. What has more than one name counts once.
    """
    used: Counter[str] = Counter()
    seen: set[int] = set()
    complete = True
    for top, entry in _walk(root, look):
        if time.monotonic() >= until:
            complete = False
            break
        if entry.st_nlink > 1 and not stat.S_ISDIR(entry.st_mode):
            if entry.st_ino in seen:
                continue
            seen.add(entry.st_ino)
        used[top] += entry.st_blocks * _BLOCK
    about = os.statvfs(root)
    free, size = about.f_bavail * about.f_frsize, about.f_blocks * about.f_frsize
    inodes = f"{about.f_favail} of {about.f_files} inodes free"
    head = f"{root}: {_size(free)} of {_size(size)} free, {inodes}"
    rows = [f"{_size(many)}  {_line(top)}" for top, many in used.most_common(_ROWS)]
    return "\n".join([head, *rows, *([] if complete else ["(time was over: there is more)"])])


def sockets() -> str:
    """Count connections by state and by far end, and list who listens."""
    import psutil

    found = psutil.net_connections("inet")
    states = Counter(each.status for each in found)
    far = Counter(each.raddr.ip for each in found if each.raddr)
    open_ = {(each.laddr, each.pid) for each in found if each.status == "LISTEN" and each.laddr}
    listen = sorted(open_, key=lambda one: (one[0][1], one[0][0]))
    return "\n".join(
        [
            ", ".join(f"{many} {state}" for state, many in states.most_common()) or "none",
            *(f"{many} with {ip}" for ip, many in far.most_common(_ROWS)),
            *(f"{at[0]}:{at[1]} listens, pid {pid or '?'}" for at, pid in listen[: 4 * _ROWS]),
        ]
    )


def tail(path: Path, lines: int) -> str:
    """Read the last lines of a file; raises OSError and UnseenError."""
    # A pipe without a writer would never open, and a device never end.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise UnseenError(f"{path} is no plain file")
        file.seek(max(0, about.st_size - _TAIL))
        text = file.read(_TAIL).decode("utf-8", "replace")
    return "\n".join(_line(line) for line in text.splitlines()[-lines:])


def files(pid: int) -> str:
    """List what a process has open; raises UnseenError."""
    import psutil

    try:
        process = psutil.Process(pid)
        paths = Counter(each.path for each in process.open_files())
        head = f"{process.name()} ({pid}): {process.num_fds()} descriptors, {paths.total()} files"
    except psutil.Error as error:
        raise UnseenError(str(error)) from error
    rows = [f"{many} x {_line(path)}" for path, many in paths.most_common(4 * _ROWS)]
    return "\n".join([head, *rows])


@dataclass(frozen=True, slots=True)
class _Folder:
    top: str
    path: str


def _walk(root: Path, look: Look) -> Iterator[tuple[str, os.stat_result]]:
    """Yield all that is below a folder, with what of the folder itself it is in."""
    device = os.lstat(root).st_dev
    ahead = [_Folder("", str(root))]
    while ahead:
        folder = ahead.pop()
        try:
            with os.scandir(folder.path) as entries:
                for entry in entries:
                    look()
                    about = entry.stat(follow_symlinks=False)
                    if about.st_dev != device:
                        continue
                    top = folder.top or entry.path
                    yield top, about
                    if entry.is_dir(follow_symlinks=False):
                        ahead.append(_Folder(top, entry.path))
        except OSError:
            continue  # not ours to read, or gone meanwhile


def _all() -> Iterator["psutil.Process"]:
    import psutil

    for each in psutil.process_iter():
        try:
            each.create_time()
        except psutil.Error:
            continue
        yield each


def _seconds(process: "psutil.Process") -> float:
    import psutil

    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _row(row: tuple[float, int, int, str, str]) -> str:
    used, memory, pid, user, argv = row
    return f"{pid:6}  {user:>9.9}  {used:5.2f}  {_size(memory)}  {_line(argv)}"


def _size(size: float) -> str:
    return f"{size / 2**20:7.1f} MiB"


def _line(text: str) -> str:
    """Make one line of it, whatever it has in it."""
    line = "".join(char if char.isprintable() else "?" for char in text)
    return line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…"
