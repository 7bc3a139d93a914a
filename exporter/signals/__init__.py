"""Signals: where the values that are scored come from, and the dict that names the host's.

To add one, write a file with a function that fits `contract.Source`, and add its line here.
"""

from exporter.signals import counters, cpu, filesystem, memory
from exporter.signals.contract import Source

HOST_SIGNALS: dict[str, Source] = {
    "cpu_utilisation": cpu.utilisation,
    "disk_busy": counters.disk_busy,
    "filesystem_utilisation": filesystem.utilisation,
    "load_per_core": cpu.load_per_core,
    "memory_utilisation": memory.utilisation,
    "network_receive_bytes_per_second": counters.network_receive,
    "network_transmit_bytes_per_second": counters.network_transmit,
}
