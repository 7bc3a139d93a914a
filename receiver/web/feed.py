"""Hands each new message to the pages that are open."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

MOST_STREAMS = 256
_LONGEST_QUEUE = 64

Stream = asyncio.Queue[str | None]


class Feed:
    """A bounded set of streams with bounded queues; None in a queue ends its stream."""

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._streams: set[Stream] = set()
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether another stream would be one too many."""
        return self._closed or len(self._streams) >= self._most

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._streams)

    @contextmanager
    def subscribe(self) -> Iterator[Stream]:
        """Receive what is published from now on."""
        stream = Stream(_LONGEST_QUEUE)
        self._streams.add(stream)
        try:
            yield stream
        finally:
            self._streams.discard(stream)

    def publish(self, event: str) -> None:
        """Queue an event everywhere; a reader too slow for it is let go and connects again."""
        for stream in tuple(self._streams):
            if stream.full():
                self._end(stream)
            else:
                stream.put_nowait(event)

    def close(self) -> None:
        """End every stream, and take no new one."""
        self._closed = True
        for stream in tuple(self._streams):
            self._end(stream)

    def _end(self, stream: Stream) -> None:
        self._streams.discard(stream)
        while not stream.empty():
            stream.get_nowait()
        stream.put_nowait(None)
