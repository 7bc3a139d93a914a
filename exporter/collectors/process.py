"""The exporter's own process, by the names that all of Prometheus' client libraries use."""

from collections.abc import Iterator
from functools import cache
from typing import ClassVar

from prometheus_client import ProcessCollector

from exporter.collectors.contract import Paths
from exporter.model import Metric, NoData, Sample
from exporter.settings import Section

PROCESS = {
    metric.name: metric
    for metric in (
        Metric("process_cpu_seconds_total", "CPU time used, in seconds.", "counter"),
        Metric("process_max_fds", "Files that may be open at once."),
        Metric("process_open_fds", "Files that are open."),
        Metric("process_resident_memory_bytes", "Memory in use, in bytes."),
        Metric("process_start_time_seconds", "When the process started, in Unix time."),
        Metric("process_virtual_memory_bytes", "Address space in use, in bytes."),
    )
}


@cache
def _source() -> ProcessCollector:
    # Not in a registry: ours is the only page on which it appears.
    return ProcessCollector(registry=None)


class Process(Section):
    """CPU, memory and open files of the exporter itself."""

    blocking: ClassVar[bool] = False

    def collect(self, paths: Paths) -> Iterator[Sample]:  # noqa: ARG002 -- its own /proc/self, in a container too
        """Yield what the client library finds; NoData where there is no /proc."""
        samples = [sample for family in _source().collect() for sample in family.samples]
        if not samples:
            raise NoData("the process has no /proc to read itself from")
        for sample in samples:
            yield PROCESS[sample.name].sample(sample.value)
