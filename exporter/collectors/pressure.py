"""How long tasks stood still for want of a resource (PSI), from /proc/pressure."""

import errno
from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar

from exporter.collectors.contract import Paths
from exporter.collectors.procfs import each_line, read_text
from exporter.model import Metric, NoData, Sample
from exporter.settings import Section


def _counter(name: str, text: str) -> Metric:
    return Metric(f"node_pressure_{name}_seconds_total", f"Seconds in which {text}.", "counter")


# Each file of the kernel, and what its lines are; a line that has no name here is not exposed.
PRESSURE = {
    "cpu": {"some": _counter("cpu_waiting", "tasks waited for a CPU")},
    "io": {
        "some": _counter("io_waiting", "tasks waited for I/O"),
        "full": _counter("io_stalled", "no task got on for I/O"),
    },
    "memory": {
        "some": _counter("memory_waiting", "tasks waited for memory"),
        "full": _counter("memory_stalled", "no task got on for want of memory"),
    },
    "irq": {"full": _counter("irq_stalled", "no task got on for interrupts")},
}
_MICROSECONDS = 1_000_000


def parse_pressure(resource: str, text: str) -> Iterator[Sample]:
    """Read one file, e.g. `some avg10=0.00 avg60=0.00 avg300=0.00 total=1234` in microseconds."""
    metrics = PRESSURE[resource]

    def line(line: str) -> Iterator[Sample]:
        name, _, total = line.partition(" ")[0], *line.rpartition("total=")[1:]
        if name in metrics:
            yield Sample(metrics[name], (), int(total) / _MICROSECONDS)

    return each_line(f"pressure/{resource}", text, line)


class Pressure(Section):
    """Pressure stall information of the whole host."""

    blocking: ClassVar[bool] = False

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Yield the totals of the resources that the kernel accounts for."""
        found = 0
        for resource in PRESSURE:
            with suppress(NoData):
                text = _read(f"{paths.procfs}/pressure/{resource}")
                yield from parse_pressure(resource, text)
                found += 1
        if not found:
            raise NoData("the kernel has no pressure stall information")


def _read(path: str) -> str:
    """Read a file that is there but refused where PSI was switched off at boot (psi=0)."""
    try:
        return read_text(path)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise NoData(f"{path}: switched off") from error
        raise
