"""The whole host by way of psutil, where the kernel has no /proc; by node_exporter's names."""

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import ClassVar

import psutil

from exporter.collectors.contract import Paths
from exporter.collectors.cpu import SECONDS
from exporter.collectors.diskstats import COLUMNS
from exporter.collectors.filesystem import AVAIL, DEVICE_ERROR, FREE, READONLY, SIZE
from exporter.collectors.loadavg import AVERAGES
from exporter.collectors.meminfo import memory as memory_field
from exporter.collectors.netdev import COUNTERS
from exporter.collectors.stat import BOOT_TIME, CONTEXT_SWITCHES, INTERRUPTS
from exporter.model import NoData, Sample
from exporter.settings import Section

# What psutil calls a thing, and what /proc calls it; systems differ in which of them they have.
_MEMORY = {
    "total": "MemTotal",
    "available": "MemAvailable",
    "free": "MemFree",
    "active": "Active",
    "inactive": "Inactive",
    "buffers": "Buffers",
    "cached": "Cached",
    "shared": "Shmem",
    "slab": "Slab",
}
_SWAP = {"total": "SwapTotal", "free": "SwapFree"}
_DISK = {
    "read_count": "reads",
    "read_bytes": "read_bytes",
    "read_time": "read_time",
    "write_count": "writes",
    "write_bytes": "written_bytes",
    "write_time": "write_time",
    "busy_time": "busy_time",
}
_DISK_MS = {"read_time", "write_time", "busy_time"}
_NETWORK = {
    "bytes_recv": "receive_bytes",
    "packets_recv": "receive_packets",
    "errin": "receive_errs",
    "dropin": "receive_drop",
    "bytes_sent": "transmit_bytes",
    "packets_sent": "transmit_packets",
    "errout": "transmit_errs",
    "dropout": "transmit_drop",
}
_log = logging.getLogger(__name__)
_CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


def cpu() -> Iterator[Sample]:
    """Yield the time of each CPU, the load, and the counts since boot."""
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        for mode in _CPU_MODES:
            if hasattr(times, mode):
                yield SECONDS.sample(getattr(times, mode), str(number), mode)
    stats = psutil.cpu_stats()
    yield CONTEXT_SWITCHES.sample(stats.ctx_switches)
    yield INTERRUPTS.sample(stats.interrupts)
    yield BOOT_TIME.sample(psutil.boot_time())
    for metric, load in zip(AVERAGES, psutil.getloadavg(), strict=True):
        yield metric.sample(load)


def memory() -> Iterator[Sample]:
    """Yield memory and swap in bytes."""
    for names, figures in ((_MEMORY, psutil.virtual_memory()), (_SWAP, psutil.swap_memory())):
        for theirs, ours in names.items():
            if hasattr(figures, theirs):
                metric, _ = memory_field(ours, "kB")
                yield metric.sample(getattr(figures, theirs))


def filesystems() -> Iterator[Sample]:
    """Yield the space of each partition; a drive without a medium is an error of its device."""
    for part in psutil.disk_partitions():
        labels = (part.device, part.mountpoint, part.fstype)
        yield READONLY.sample(int("ro" in part.opts.split(",")), *labels)
        try:
            usage = psutil.disk_usage(part.mountpoint)
        except OSError as error:
            yield DEVICE_ERROR.sample(1, *labels, str(error.strerror).lower())
            continue
        yield DEVICE_ERROR.sample(0, *labels, "")
        yield SIZE.sample(usage.total, *labels)
        yield FREE.sample(usage.total - usage.used, *labels)
        yield AVAIL.sample(usage.free, *labels)


def disks() -> Iterator[Sample]:
    """Yield what each disk has done."""
    for device, counts in (psutil.disk_io_counters(perdisk=True) or {}).items():
        for theirs, ours in _DISK.items():
            if hasattr(counts, theirs):
                per = 1000 if theirs in _DISK_MS else 1
                yield COLUMNS[ours].metric.sample(getattr(counts, theirs) / per, device)


def network() -> Iterator[Sample]:
    """Yield what each network device has carried."""
    for device, counts in psutil.net_io_counters(pernic=True).items():
        for theirs, ours in _NETWORK.items():
            yield COUNTERS[ours].sample(getattr(counts, theirs), device)


@cache
def _say(procfs: Path) -> None:
    """Say it once, since figures of another origin are no trouble, but worth knowing."""
    _log.info("there is no %s: psutil gives the host's figures, as far as it has them", procfs)


class Portable(Section):
    """The host's figures as far as psutil has them."""

    blocking: ClassVar[bool] = True

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Yield everything, or raise NoData where /proc is there to be read directly.

        Raises FileNotFoundError where `paths` names a procfs of another system that is none.
        """
        if (paths.procfs / "stat").exists():
            raise NoData(f"{paths.procfs} is there: the other collectors read it directly")
        if paths.procfs != Paths().procfs:
            raise FileNotFoundError(
                f"{paths.procfs} is no procfs, and psutil would show the system that the exporter "
                "itself sees; correct `paths.procfs` (--path.procfs), or its mount"
            )
        _say(paths.procfs)
        for source in (cpu, memory, filesystems, disks, network):
            yield from source()
