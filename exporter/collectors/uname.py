"""The names of the host and its kernel."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar

from exporter.collectors.contract import Paths
from exporter.collectors.procfs import read_text
from exporter.model import Metric, NoData, Sample
from exporter.settings import Section

INFO = Metric(
    "node_uname_info",
    "What uname(2) says of the host; always 1.",
    labels=("sysname", "release", "version", "machine", "nodename", "domainname"),
)


class Uname(Section):
    """Kernel, machine and host name."""

    blocking: ClassVar[bool] = False

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Yield the one sample."""
        uname = os.uname()
        # Python's uname lacks the (NIS) domain name, which is this where nobody set it.
        domain = "(none)"
        with suppress(NoData):
            domain = read_text(f"{paths.procfs}/sys/kernel/domainname").strip()
        names = (uname.sysname, uname.release, uname.version, uname.machine, uname.nodename)
        yield INFO.sample(1, *names, domain)
