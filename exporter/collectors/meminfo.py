"""The kernel's account of memory, from /proc/meminfo; every field is a metric."""

from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar

from exporter.collectors.contract import Paths
from exporter.collectors.procfs import each_line, read_text
from exporter.model import Metric, Sample
from exporter.settings import Section

_MOST_FIELDS = 256  # some 55 exist; the bound is for a file that is not what it should be


@lru_cache(_MOST_FIELDS)
def memory(field: str, unit: str = "") -> tuple[Metric, int]:
    """Return a field's metric, and how many bytes or pages one of the field's units is.

    A field without a unit counts huge pages; raises ValueError for any unit but kB.
    """
    name = field.rstrip(":").replace("(", "_").replace(")", "")
    if unit == "kB":
        return Metric(f"node_memory_{name}_bytes", f"{name} of /proc/meminfo, in bytes."), 1024
    if unit:
        raise ValueError(f"unknown unit {unit!r}")
    return Metric(f"node_memory_{name}", f"{name} of /proc/meminfo, a number of pages."), 1


def _line(line: str) -> Iterator[Sample]:
    field, value, *unit = line.split()
    metric, scale = memory(field, *unit)
    yield Sample(metric, (), int(value) * scale)


def parse_meminfo(text: str) -> Iterator[Sample]:
    """Read all fields; `Active(anon)` is named Active_anon, as node_exporter names it."""
    return each_line("meminfo", text, _line)


class Meminfo(Section):
    """Memory and swap."""

    blocking: ClassVar[bool] = False

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Return one sample for each field."""
        return parse_meminfo(read_text(f"{paths.procfs}/meminfo"))
