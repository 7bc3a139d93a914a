"""The load averages, from /proc/loadavg."""

from collections.abc import Iterator
from typing import ClassVar

from exporter.collectors.contract import Paths
from exporter.collectors.procfs import each_line, read_text
from exporter.model import Metric, Sample
from exporter.settings import Section

AVERAGES = (
    Metric("node_load1", "Load average over 1 minute."),
    Metric("node_load5", "Load average over 5 minutes."),
    Metric("node_load15", "Load average over 15 minutes."),
)


def _line(line: str) -> Iterator[Sample]:
    for metric, value in zip(AVERAGES, line.split()[:3], strict=True):
        yield metric.sample(float(value))


def parse_loadavg(text: str) -> Iterator[Sample]:
    """Read the three averages that the line starts with."""
    return each_line("loadavg", text, _line)


class Loadavg(Section):
    """How many tasks run or wait for a CPU or a disk, on average."""

    blocking: ClassVar[bool] = False

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Return the three averages."""
        return parse_loadavg(read_text(f"{paths.procfs}/loadavg"))
