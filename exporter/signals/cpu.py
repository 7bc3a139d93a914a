"""CPU utilisation of the whole host, and its load for each CPU."""

from collections.abc import Iterator

from exporter.signals.contract import Page, Reading, own_labels

_NOT_BUSY = frozenset({"idle", "iowait", "steal"})


def utilisation(page: Page) -> Iterator[Reading]:
    """Yield the busy seconds of the average CPU, a counter whose rate is the ratio in use.

    Waiting for a disk, and time that the hypervisor gave to others, is not use.
    """
    cpus: set[str] = set()
    busy = 0.0
    for sample in page.get("node_cpu_seconds_total", ()):
        labels = dict(own_labels(sample))
        cpus.add(labels.get("cpu", ""))
        busy += sample.value if labels.get("mode") not in _NOT_BUSY else 0.0
    if cpus:
        yield Reading((), busy / len(cpus), "counter", members=len(cpus))


def load_per_core(page: Page) -> Iterator[Reading]:
    """Yield the load average of the last minute for each CPU; above 1, work is waiting."""
    cpus = {own_labels(sample, "cpu") for sample in page.get("node_cpu_seconds_total", ())}
    for sample in page.get("node_load1", ()):
        if cpus:
            yield Reading((), sample.value / len(cpus))
