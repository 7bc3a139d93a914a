"""Memory utilisation of the whole host."""

from collections.abc import Iterator

from exporter.signals.contract import Page, Reading


def utilisation(page: Page) -> Iterator[Reading]:
    """Yield the ratio of memory that no program could get without swapping."""
    total = page.get("node_memory_MemTotal_bytes")
    available = page.get("node_memory_MemAvailable_bytes")
    if total and available and total[0].value > 0:
        yield Reading((), 1 - available[0].value / total[0].value)
