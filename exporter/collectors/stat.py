"""The kernel's counts of interrupts, context switches and tasks, from /proc/stat."""

from collections.abc import Iterator
from typing import ClassVar

from exporter.collectors.contract import Paths
from exporter.collectors.procfs import each_line, read_text
from exporter.model import Metric, Sample
from exporter.settings import Section

INTERRUPTS = Metric("node_intr_total", "Interrupts serviced.", "counter")
CONTEXT_SWITCHES = Metric("node_context_switches_total", "Context switches.", "counter")
BOOT_TIME = Metric("node_boot_time_seconds", "When the host booted, in Unix time.")
FORKS = Metric("node_forks_total", "Processes and threads made.", "counter")
PROCS_RUNNING = Metric("node_procs_running", "Tasks that run or could run.")
PROCS_BLOCKED = Metric("node_procs_blocked", "Tasks that wait for I/O.")

_LINES = {
    "intr": INTERRUPTS,
    "ctxt": CONTEXT_SWITCHES,
    "btime": BOOT_TIME,
    "processes": FORKS,
    "procs_running": PROCS_RUNNING,
    "procs_blocked": PROCS_BLOCKED,
}


def _line(line: str) -> Iterator[Sample]:
    # The line of interrupts goes on with one number for each source, hundreds of them.
    name, _, numbers = line.partition(" ")
    if metric := _LINES.get(name):
        yield Sample(metric, (), int(numbers.partition(" ")[0]))


def parse_stat(text: str) -> Iterator[Sample]:
    """Read the lines that are no CPU's."""
    return each_line("stat", text, _line)


class Stat(Section):
    """Counts of the whole host."""

    blocking: ClassVar[bool] = False

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Return one sample for each count."""
        return parse_stat(read_text(f"{paths.procfs}/stat"))
