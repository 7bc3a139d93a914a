"""What each network device has carried, from /proc/net/dev."""

from collections.abc import Iterator
from typing import ClassVar, NamedTuple

from exporter.collectors.contract import Paths
from exporter.collectors.patterns import ByDevice
from exporter.collectors.procfs import each_line, read_first
from exporter.model import Metric, Sample


def _counter(name: str, text: str) -> Metric:
    return Metric(f"node_network_{name}_total", text, "counter", ("device",))


# In the kernel's order (net/core/net-procfs.c).
COUNTERS = {
    "receive_bytes": _counter("receive_bytes", "Bytes received."),
    "receive_packets": _counter("receive_packets", "Packets received."),
    "receive_errs": _counter("receive_errs", "Packets received in a bad state."),
    "receive_drop": _counter("receive_drop", "Packets received and not processed, or missed."),
    "receive_fifo": _counter("receive_fifo", "Packets lost to a full queue of the device."),
    "receive_frame": _counter("receive_frame", "Packets with a wrong length, frame or checksum."),
    "receive_compressed": _counter("receive_compressed", "Compressed packets received."),
    "receive_multicast": _counter("receive_multicast", "Multicast packets received."),
    "transmit_bytes": _counter("transmit_bytes", "Bytes sent."),
    "transmit_packets": _counter("transmit_packets", "Packets sent."),
    "transmit_errs": _counter("transmit_errs", "Packets that could not be sent for an error."),
    "transmit_drop": _counter("transmit_drop", "Packets dropped on their way out."),
    "transmit_fifo": _counter("transmit_fifo", "Packets lost to the device's sending queue."),
    "transmit_colls": _counter("transmit_colls", "Collisions while sending."),
    "transmit_carrier": _counter("transmit_carrier", "Sends lost to the carrier, or aborted."),
    "transmit_compressed": _counter("transmit_compressed", "Compressed packets sent."),
}
_COLUMNS = tuple(COUNTERS.values())


class Device(NamedTuple):
    """One device's counters, in the order of COUNTERS."""

    name: str
    counts: tuple[int, ...]


def _line(line: str) -> Iterator[Device]:
    if "|" in line:  # the two lines of the heading
        return
    name, _, counts = line.rpartition(":")
    device = Device(name.strip(), tuple(map(int, counts.split())))
    if not device.name or len(device.counts) != len(_COLUMNS):
        raise ValueError(f"a name and {len(_COLUMNS)} numbers are expected")
    yield device


def parse_netdev(text: str) -> Iterator[Device]:
    """Read one device a line."""
    return each_line("net/dev", text, _line)


class Netdev(ByDevice):
    """What the network devices have carried."""

    blocking: ClassVar[bool] = False

    def collect(self, paths: Paths) -> Iterator[Sample]:
        """Yield the counters of the devices that init sees: in a container, the host's."""
        table = read_first(f"{paths.procfs}/1/net/dev", f"{paths.procfs}/net/dev")
        for name, counts in parse_netdev(table.decode("utf-8", "replace")):
            if self.wants(name):
                labels = (name,)
                for metric, count in zip(_COLUMNS, counts, strict=True):
                    yield Sample(metric, labels, count)
