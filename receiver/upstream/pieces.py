"""A long JSON array read in pieces while it comes: nobody waits for all of it, nor holds it."""

import re
from collections.abc import AsyncIterator

_PIECE = 256 * 1024
"""Bytes: reading them takes a few milliseconds, in which nothing else runs."""
_FIRST = re.compile(rb'\[(\{"[^"\\]*":)')


async def pieces(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut an array of objects that comes in chunks into arrays that together hold the same.

    All of its objects begin with the same key, as Go writes them, and so where one ends and
    another begins can be told by bytes that no text holds, whose quotes are escaped. An array
    that is written in another way is one piece.
    """
    held = bytearray()
    border: bytes | None = None
    async for chunk in chunks:
        held += chunk
        if border is None and len(held) >= _PIECE:
            first = _FIRST.match(held)
            border = b"}," + first[1] if first else b""
        cut = held.rfind(border) if border and len(held) >= _PIECE else -1
        if cut > 0:
            yield bytes(held[: cut + 1]) + b"]"
            held[: cut + 2] = b"["
    yield bytes(held)
