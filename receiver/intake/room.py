"""A bound on what is under way: past it, the sender is told to come again."""

from collections.abc import Iterator
from contextlib import contextmanager

from receiver.store.schema import StoreUnavailableError

_LEAST = 16 * 1024
"""Bytes that each webhook counts as at least, which bounds their number too."""


class Room:
    """So many bytes of webhooks at most are received, read and written down at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Keep room for a webhook; raises StoreUnavailableError where there is none."""
        size = max(size, _LEAST)
        if self._held + size > self._most:
            raise StoreUnavailableError(f"{self._held} bytes of webhooks are under way")
        self._held += size
        try:
            yield
        finally:
            self._held -= size
