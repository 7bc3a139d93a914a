"""Space and files left in each mounted file system."""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar, NamedTuple

from exporter.collectors.contract import Paths
from exporter.collectors.patterns import EVERYTHING, PatternList, patterns
from exporter.collectors.procfs import each_line, read_first
from exporter.model import Metric, Sample
from exporter.settings import Section

_LABELS = ("device", "mountpoint", "fstype")
SIZE = Metric("node_filesystem_size_bytes", "Size in bytes.", labels=_LABELS)
FREE = Metric("node_filesystem_free_bytes", "Free space in bytes.", labels=_LABELS)
AVAIL = Metric(
    "node_filesystem_avail_bytes", "Free space in bytes that others than root get.", labels=_LABELS
)
FILES = Metric("node_filesystem_files", "Inodes there are in all.", labels=_LABELS)
FILES_FREE = Metric("node_filesystem_files_free", "Inodes that are free.", labels=_LABELS)
READONLY = Metric("node_filesystem_readonly", "Whether it is mounted read-only.", labels=_LABELS)
DEVICE_ERROR = Metric(
    "node_filesystem_device_error",
    "Whether its figures could not be had; device_error says why.",
    labels=(*_LABELS, "device_error"),
)

# node_exporter's own defaults; Debian's package hides more.
_HIDDEN_MOUNTS = patterns(
    *(f"/{place}(/.*)?" for place in ("dev", "proc", "sys", "run/credentials/.+")),
    *(f"/var/lib/{place}/.+" for place in ("docker", "containers/storage")),
)
_HIDDEN_TYPES = patterns(
    *("autofs", "binfmt_misc", "bpf", "cgroup2?", "configfs", "debugfs", "devpts", "devtmpfs"),
    *("erofs", "fusectl", "hugetlbfs", "iso9660", "mqueue", "nsfs", "overlay", "proc", "procfs"),
    *("pstore", "rpc_pipefs", "securityfs", "selinuxfs", "squashfs", "sysfs", "tracefs"),
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """One mounted file system: its labels, the path to ask at, and whether it is read-only."""

    labels: tuple[str, str, str]
    path: str
    readonly: bool


def _printable(text: str) -> str:
    """Make a label of a name that may hold bytes which are no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unescape(name: str) -> str:
    """Undo the octal escapes of blanks, backslashes and hashes (getmntent(3))."""
    return _ESCAPE.sub(lambda m: chr(int(m[1], 8)), name) if "\\" in name else name


def _below(rootfs: str, mountpoint: str) -> str:
    """Return the mount point as the host knows it, without the prefix of `rootfs`."""
    if mountpoint != rootfs and not mountpoint.startswith(f"{rootfs}/"):
        return mountpoint
    return mountpoint[len(rootfs) :] or "/"


@lru_cache(2)  # mounts seldom change, and parsing them costs more than asking each for its space
def parse_mounts(text: str, rootfs: str = "/") -> tuple[Mount, ...]:
    """Read a table of mounts (fstab(5)); blanks in its names are octal escapes."""
    root = rootfs.rstrip("/")

    def line(line: str) -> Iterator[Mount]:
        device, escaped, fstype, options, *_ = line.split(" ")
        mountpoint = _below(root, _unescape(escaped))
        readonly = not {"ro", "emergency_ro"}.isdisjoint(options.split(","))
        labels = (_printable(device), _printable(mountpoint), fstype)
        yield Mount(labels, root + mountpoint, readonly)

    return tuple(each_line("mounts", text, line))


def measure(mount: Mount) -> Iterator[Sample]:
    """Ask the file system for its figures; may hang where its server is dead."""
    labels = mount.labels
    yield Sample(READONLY, labels, int(mount.readonly))
    try:
        stat = os.statvfs(mount.path.encode("utf-8", "surrogateescape"))
    except OSError as error:
        yield Sample(DEVICE_ERROR, (*labels, os.strerror(error.errno or 0).lower()), 1)
        return
    yield Sample(DEVICE_ERROR, (*labels, ""), 0)
    yield Sample(SIZE, labels, stat.f_blocks * stat.f_frsize)
    yield Sample(FREE, labels, stat.f_bfree * stat.f_frsize)
    yield Sample(AVAIL, labels, stat.f_bavail * stat.f_frsize)
    yield Sample(FILES, labels, stat.f_files)
    yield Sample(FILES_FREE, labels, stat.f_ffree)


class Filesystem(Section):
    """Mounted file systems that an include pattern matches and no exclude pattern."""

    blocking: ClassVar[bool] = True

    include_mountpoints: PatternList = EVERYTHING
    exclude_mountpoints: PatternList = _HIDDEN_MOUNTS
    include_fstypes: PatternList = EVERYTHING
    exclude_fstypes: PatternList = _HIDDEN_TYPES

    def wants(self, mount: Mount) -> bool:
        """Whether the patterns choose this mount."""
        _, mountpoint, fstype = mount.labels
        hidden = self.exclude_fstypes.match(fstype) or self.exclude_mountpoints.match(mountpoint)
        return (
            not hidden
            and self.include_fstypes.match(fstype)
            and self.include_mountpoints.match(mountpoint)
        )

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Yield the figures of each mount that init sees, once where it is mounted twice."""
        table = read_first(f"{paths.procfs}/1/mounts", f"{paths.procfs}/self/mounts")
        mounts = parse_mounts(table.decode("utf-8", "surrogateescape"), str(paths.rootfs))
        for mount in {mount.labels: mount for mount in mounts if self.wants(mount)}.values():
            yield from measure(mount)
