"""Signals that are the rate of one of the host's counters, for each device."""

from collections.abc import Iterator

from exporter.signals.contract import Page, Reading, own_labels


def disk_busy(page: Page) -> Iterator[Reading]:
    """Yield the seconds in which the disk had work; the rate is the ratio of time it was busy."""
    yield from _each_device(page, "node_disk_io_time_seconds_total")


def network_receive(page: Page) -> Iterator[Reading]:
    """Yield the bytes received by each interface."""
    yield from _each_device(page, "node_network_receive_bytes_total")


def network_transmit(page: Page) -> Iterator[Reading]:
    """Yield the bytes sent by each interface."""
    yield from _each_device(page, "node_network_transmit_bytes_total")


def _each_device(page: Page, metric: str) -> Iterator[Reading]:
    for sample in page.get(metric, ()):
        yield Reading(own_labels(sample, "device"), sample.value, "counter")
