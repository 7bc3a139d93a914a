"""The host's signals, each on a page of samples."""

from collections import defaultdict
from collections.abc import Sequence

import pytest

from exporter.model import Metric, Sample
from exporter.signals import HOST_SIGNALS
from exporter.signals.contract import Reading

CPU = Metric("node_cpu_seconds_total", "", "counter", ("cpu", "mode"))
LOAD = Metric("node_load1", "")
TOTAL = Metric("node_memory_MemTotal_bytes", "")
AVAILABLE = Metric("node_memory_MemAvailable_bytes", "")
FILESYSTEM = ("device", "mountpoint", "fstype")
SIZE = Metric("node_filesystem_size_bytes", "", labels=FILESYSTEM)
AVAIL = Metric("node_filesystem_avail_bytes", "", labels=FILESYSTEM)
IO_TIME = Metric("node_disk_io_time_seconds_total", "", "counter", ("device",))
RECEIVE = Metric("node_network_receive_bytes_total", "", "counter", ("device",))
TRANSMIT = Metric("node_network_transmit_bytes_total", "", "counter", ("device",))

ROOT = ("/dev/sda1", "/", "ext4")
ROOT_LABELS = tuple(zip(FILESYSTEM, ROOT, strict=True))


def cpu_samples(*cpus: str) -> list[Sample]:
    seconds = {"idle": 70.0, "iowait": 5, "steal": 5, "user": 15, "system": 4, "irq": 1}
    return [CPU.sample(value, cpu, mode) for cpu in cpus for mode, value in seconds.items()]


CASES = {
    "cpu_utilisation": (
        cpu_samples("0", "1"),
        [Reading((), 20.0, "counter", members=2)],
    ),
    "load_per_core": ([LOAD.sample(3), *cpu_samples("0", "1")], [Reading((), 1.5)]),
    "memory_utilisation": ([TOTAL.sample(400), AVAILABLE.sample(100)], [Reading((), 0.75)]),
    "filesystem_utilisation": (
        [
            SIZE.sample(200, *ROOT),
            AVAIL.sample(50, *ROOT),
            SIZE.sample(0, "none", "/empty", "proc"),
            AVAIL.sample(0, "none", "/empty", "proc"),
            SIZE.sample(9, "/dev/sdb1", "/no-avail", "ext4"),
        ],
        [Reading(ROOT_LABELS, 0.75)],
    ),
    "disk_busy": (
        [IO_TIME.sample(12, "sda")],
        [Reading((("device", "sda"),), 12, "counter")],
    ),
    "network_receive_bytes_per_second": (
        [RECEIVE.sample(9, "eth0"), TRANSMIT.sample(1, "eth0")],
        [Reading((("device", "eth0"),), 9, "counter")],
    ),
    "network_transmit_bytes_per_second": (
        [RECEIVE.sample(9, "eth0"), TRANSMIT.sample(1, "eth0")],
        [Reading((("device", "eth0"),), 1, "counter")],
    ),
}


def read(signal: str, samples: Sequence[Sample]) -> list[Reading]:
    page = defaultdict(list)
    for sample in samples:
        page[sample.metric.name].append(sample)
    return list(HOST_SIGNALS[signal](page))


def test_every_signal_of_the_host_has_a_case_here() -> None:
    assert CASES.keys() == HOST_SIGNALS.keys()


@pytest.mark.parametrize("signal", CASES)
def test_a_signal_is_derived(signal: str) -> None:
    samples, expected = CASES[signal]
    assert read(signal, samples) == expected


@pytest.mark.parametrize("signal", CASES)
def test_a_signal_without_its_metrics_is_absent(signal: str) -> None:
    assert read(signal, []) == []


@pytest.mark.parametrize("signal", CASES)
def test_a_signal_bears_metrics_whose_labels_are_not_those_of_the_kernel(signal: str) -> None:
    samples, _ = CASES[signal]
    bare = [Metric(s.metric.name, "", s.metric.kind).sample(s.value) for s in samples]
    for reading in read(signal, bare):
        assert reading.labels == ()


def test_load_needs_the_number_of_cpus() -> None:
    assert read("load_per_core", [LOAD.sample(3)]) == []
