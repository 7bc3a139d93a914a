"""What a collector is: a frozen `Section` whose fields are its configuration."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar, Protocol

from exporter.model import Sample


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the host's file systems are mounted; elsewhere than at / in a container."""

    procfs: Path = Path("/proc")
    sysfs: Path = Path("/sys")
    rootfs: Path = Path("/")

    def missing(self) -> dict[str, Path]:
        """Return by name those that cannot be entered; a system may do without the usual ones."""
        usual = Paths()
        return {
            one.name: path
            for one in fields(self)
            if (path := getattr(self, one.name)) != getattr(usual, one.name)
            and not os.access(path, os.X_OK)
        }


class Collector(Protocol):
    """One source. `collect` may raise anything: a fence catches, counts and times it."""

    blocking: ClassVar[bool]
    """Whether it can hang (a dead NFS server, a driver) and so needs a thread and a deadline."""

    def collect(self, paths: Paths) -> Iterable[Sample]:
        """Read the source now; raise NoData where it does not exist on this host."""
        ...
