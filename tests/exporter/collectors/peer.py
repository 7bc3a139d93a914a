"""The real node_exporter, started for a comparison with the collectors that we have too."""

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.exporter.collectors.page import HOST_COLLECTORS

BINARY = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
# Upstream's defaults of today, which Debian's package narrows and older releases lack.
_MOUNTS = "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)"
_TYPES = (
    "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660"
    "|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs"
    "|tracefs)$"
)
_DISKS = r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$"
FILTERS = (
    f"--collector.filesystem.mount-points-exclude={_MOUNTS}",
    f"--collector.filesystem.fs-types-exclude={_TYPES}",
    f"--collector.diskstats.device-exclude={_DISKS}",
    "--collector.netdev.device-exclude=",
    "--collector.netclass.ignore-invalid-speed",
)
_START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Peer:
    """A running node_exporter."""

    pid: int
    url: str

    def scrape(self) -> str:
        """Fetch one page."""
        with urllib.request.urlopen(self.url, timeout=10) as response:
            page: bytes = response.read()
        return page.decode()

    def cpu_seconds(self) -> float:
        """Return the CPU time it has used, by its own clock (clock_getcpuclockid(3))."""
        return time.clock_gettime((~self.pid << 3) | 2)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"node_exporter does not answer on port {port}")


@contextmanager
def node_exporter(collectors: Iterable[str] = HOST_COLLECTORS) -> Iterator[Peer]:
    """Run node_exporter on a free loopback port with these collectors and upstream's filters."""
    if BINARY is None:
        raise FileNotFoundError("prometheus-node-exporter is not installed")
    port = _free_port()
    flags = ["--collector.disable-defaults", *(f"--collector.{name}" for name in collectors)]
    command = [BINARY, f"--web.listen-address=127.0.0.1:{port}", *flags, *FILTERS]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            _wait_for(port, process)
            yield Peer(process.pid, f"http://127.0.0.1:{port}/metrics")
        finally:
            process.terminate()
