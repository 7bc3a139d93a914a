"""Utilisation of each mounted file system."""

from collections.abc import Iterator

from exporter.signals.contract import Page, Reading, by_labels

_LABELS = ("device", "mountpoint", "fstype")


def utilisation(page: Page) -> Iterator[Reading]:
    """Yield the ratio of each file system that ordinary users can no longer write to."""
    available = by_labels(page.get("node_filesystem_avail_bytes", ()), *_LABELS)
    sizes = by_labels(page.get("node_filesystem_size_bytes", ()), *_LABELS)
    for labels, size in sizes.items():
        if size > 0 and labels in available:
            yield Reading(labels, 1 - available[labels] / size)
