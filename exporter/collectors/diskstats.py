"""What each disk has done, from /proc/diskstats, and what it is, from udev."""

from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar, NamedTuple

from exporter.collectors.contract import Paths
from exporter.collectors.patterns import ByDevice, PatternList, patterns
from exporter.collectors.procfs import each_line, read_text
from exporter.collectors.udev import parse_udev
from exporter.model import Kind, Metric, NoData, Sample


class Column(NamedTuple):
    """A column of the kernel's table, and how many of its units make one of the metric's."""

    metric: Metric
    per: float


def _column(name: str, text: str, per: float = 1, kind: Kind = "counter") -> Column:
    return Column(Metric(f"node_disk_{name}", text, kind, ("device",)), per)


_MS = 1000
_SECTORS = 1 / 512  # a sector of this table has 512 bytes on every disk

# In the kernel's order (Documentation/admin-guide/iostats); older kernels lack the last ones.
COLUMNS = {
    "reads": _column("reads_completed_total", "Reads that succeeded."),
    "read_merges": _column("reads_merged_total", "Reads merged with a neighbour."),
    "read_bytes": _column("read_bytes_total", "Bytes read.", _SECTORS),
    "read_time": _column("read_time_seconds_total", "Seconds spent by all reads.", _MS),
    "writes": _column("writes_completed_total", "Writes that succeeded."),
    "write_merges": _column("writes_merged_total", "Writes merged with a neighbour."),
    "written_bytes": _column("written_bytes_total", "Bytes written.", _SECTORS),
    "write_time": _column("write_time_seconds_total", "Seconds spent by all writes.", _MS),
    "now": _column("io_now", "Requests in flight.", kind="gauge"),
    "busy_time": _column("io_time_seconds_total", "Seconds with a request in flight.", _MS),
    "weighted_time": _column(
        "io_time_weighted_seconds_total", "Seconds in flight, summed over the requests.", _MS
    ),
    "discards": _column("discards_completed_total", "Discards that succeeded."),
    "discard_merges": _column("discards_merged_total", "Discards merged with a neighbour."),
    "discarded": _column("discarded_sectors_total", "Sectors of 512 bytes discarded."),
    "discard_time": _column("discard_time_seconds_total", "Seconds spent by all discards.", _MS),
    "flushes": _column("flush_requests_total", "Flushes that succeeded."),
    "flush_time": _column("flush_requests_time_seconds_total", "Seconds spent by flushes.", _MS),
}
_COLUMNS = tuple(COLUMNS.values())


class Disk(NamedTuple):
    """One disk: its name, major and minor number, and its counts in the order of COLUMNS."""

    device: str
    numbers: tuple[str, str]
    counts: tuple[int, ...]


def _line(line: str) -> Iterator[Disk]:
    major, minor, device, *counts = line.split()
    yield Disk(device, (major, minor), tuple(map(int, counts)))


def parse_diskstats(text: str) -> Iterator[Disk]:
    """Read one disk or partition a line."""
    return each_line("diskstats", text, _line)


def activity(disk: Disk) -> Iterator[Sample]:
    """Turn a disk's counts into samples in base units."""
    labels = (disk.device,)
    for (metric, per), count in zip(_COLUMNS, disk.counts, strict=False):
        yield Sample(metric, labels, count / per)


class Diskstats(ByDevice):
    """What the disks are and have done; partitions are left out by default."""

    blocking: ClassVar[bool] = False

    exclude_devices: PatternList = patterns(
        r"(z?ram|loop|fd)\d+", r"(h|s|v|xv)d[a-z]\d+", r"nvme\d+n\d+p\d+"
    )

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Yield what each disk is and has done."""
        for disk in parse_diskstats(read_text(f"{paths.procfs}/diskstats")):
            if self.wants(disk.device):
                yield from parse_udev(disk.device, disk.numbers, _udev_record(paths, disk))
                yield from activity(disk)


def _udev_record(paths: Paths, disk: Disk) -> str:
    """Return udev's record of a disk, empty where udev does not run."""
    with suppress(NoData):
        return read_text(f"{paths.rootfs}/run/udev/data/b{':'.join(disk.numbers)}")
    return ""
