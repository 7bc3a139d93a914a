"""What each CPU spent its time on, from /proc/stat."""

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from pydantic import PrivateAttr

from exporter.collectors.contract import Paths
from exporter.collectors.procfs import each_line, read_text
from exporter.model import Metric, Sample
from exporter.settings import Section

SECONDS = Metric(
    "node_cpu_seconds_total", "CPU time by mode, in seconds.", "counter", ("cpu", "mode")
)
GUEST_SECONDS = Metric(
    "node_cpu_guest_seconds_total",
    "CPU time given to virtual machines, in seconds; mode user and nice contain it too.",
    "counter",
    ("cpu", "mode"),
)

# The columns in the kernel's order (proc_stat(5)); older kernels have fewer.
_COLUMNS = (
    *((SECONDS, mode) for mode in ("user", "nice", "system", "idle")),
    *((SECONDS, mode) for mode in ("iowait", "irq", "softirq", "steal")),
    *((GUEST_SECONDS, mode) for mode in ("user", "nice")),
)
_IDLE = 3
_USER_HZ = 100  # what the kernel counts in towards user space on every architecture in use
_HOTPLUG_SECONDS = 3  # node_exporter's line between a counter that wobbles and a new CPU


class CpuTimes(NamedTuple):
    """One CPU's times in seconds, in the order of the kernel's columns."""

    cpu: str
    seconds: tuple[float, ...]


def _line(line: str) -> Iterator[CpuTimes]:
    if line.startswith("cpu") and not line.startswith("cpu "):
        name, *ticks = line.split()
        yield CpuTimes(name[3:], tuple([int(tick) / _USER_HZ for tick in ticks]))


def parse_cpu(text: str) -> Iterator[CpuTimes]:
    """Read /proc/stat's line of each CPU, which leaves out the sum of them all."""
    return each_line("stat", text, _line)


def never_back(last: tuple[float, ...] | None, now: tuple[float, ...]) -> tuple[float, ...]:
    """Hold back a counter that steps back, as iowait may (proc_stat(5)), until it has caught up.

    Idle time that fell by seconds is a CPU that was unplugged and came back: a true reset.
    """
    if last is None or last[_IDLE] - now[_IDLE] >= _HOTPLUG_SECONDS:
        return now
    return tuple(map(max, last, now))


class Cpu(Section):
    """CPU time by CPU and mode."""

    blocking: ClassVar[bool] = False

    _last: dict[str, tuple[float, ...]] = PrivateAttr(default_factory=dict)

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Yield the times of the CPUs that are online."""
        last = self._last
        for cpu, now in parse_cpu(read_text(f"{paths.procfs}/stat")):
            seconds = last[cpu] = never_back(last.get(cpu), now)
            for (metric, mode), value in zip(_COLUMNS, seconds, strict=False):
                yield Sample(metric, (cpu, mode), value)
