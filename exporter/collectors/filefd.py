"""How many files the host has open, from /proc/sys/fs/file-nr."""

from collections.abc import Iterator
from typing import ClassVar

from exporter.collectors.contract import Paths
from exporter.collectors.procfs import each_line, read_text
from exporter.model import Metric, Sample
from exporter.settings import Section

ALLOCATED = Metric("node_filefd_allocated", "Open files of the whole host.")
MAXIMUM = Metric("node_filefd_maximum", "Open files that the kernel allows.")


def _line(line: str) -> Iterator[Sample]:
    allocated, _, maximum = line.split()  # the second has been 0 since Linux 2.6
    yield ALLOCATED.sample(int(allocated))
    yield MAXIMUM.sample(int(maximum))


def parse_filefd(text: str) -> Iterator[Sample]:
    """Read the line's first and last number (proc_sys_fs(5))."""
    return each_line("sys/fs/file-nr", text, _line)


class Filefd(Section):
    """Open files and how many there may be."""

    blocking: ClassVar[bool] = False

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Return both numbers."""
        return parse_filefd(read_text(f"{paths.procfs}/sys/fs/file-nr"))
