"""Webhooks as they came, compressed and in slices, so that no row is large."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from sqlalchemy import Connection, select

from receiver.model import Notification
from receiver.store.among import among
from receiver.store.schema import slices, webhooks

SLICE = 512 * 1024
"""Bytes; Alertmanager's words shrink to a tenth, so most webhooks have one slice."""
_QUICK = 1
_TOGETHER = 4 * 2**20
"""Bytes as they came, of webhooks that are read at once: read, they take many times that."""
_PLAIN = frozenset(b"{[ \t\r\n")
"""What a body of the first release begins with: those were kept as they came."""


def pack(body: bytes) -> Iterator[bytes]:
    """Compress a body into slices, without ever holding it a second time."""
    packer = zlib.compressobj(_QUICK)
    rest = bytearray()
    for start in range(0, len(body), SLICE):
        rest += packer.compress(body[start : start + SLICE])
        while len(rest) >= SLICE:
            yield bytes(rest[:SLICE])
            del rest[:SLICE]
    yield bytes(rest + packer.flush())


_FIRST = select(webhooks.c.id, webhooks.c.body).where(among(webhooks.c.id, "numbers"))
_LATER = (
    select(slices.c.webhook, slices.c.data)
    .where(among(slices.c.webhook, "numbers"))
    .order_by(slices.c.webhook, slices.c.number)
)


def unpack(parts: Iterable[bytes]) -> bytes:
    """Return the body that `pack` was given."""
    packed = b"".join(parts)
    return packed if packed[:1] and packed[0] in _PLAIN else zlib.decompress(packed)


def _later_slices(connection: Connection, numbers: Iterable[int]) -> dict[int, list[bytes]]:
    """Return what large webhooks have beyond their first slice, in order."""
    found: defaultdict[int, list[bytes]] = defaultdict(list)
    for number, part in connection.execute(_LATER, {"numbers": list(numbers)}):
        found[number].append(part)
    return found


def read(connection: Connection, numbers: Iterable[int]) -> dict[int, tuple[bytes, ...]]:
    """Return the slices of some webhooks, for `unpack`."""
    wanted = list(numbers)
    rest = _later_slices(connection, wanted)
    first = connection.execute(_FIRST, {"numbers": wanted})
    return {number: (part, *rest.get(number, ())) for number, part in first}


def told(
    connection: Connection, sizes: Mapping[int, int], parse: Callable[[bytes], Notification]
) -> Iterator[tuple[int, Notification]]:
    """Yield what webhooks of these sizes said, many looked up at once but for the large ones."""
    for part in _parts(sizes):
        for number, packed in read(connection, part).items():
            yield number, parse(unpack(packed))


def _parts(sizes: Mapping[int, int]) -> Iterator[list[int]]:
    part: list[int] = []
    held = 0
    for number, size in sizes.items():
        if part and held + size > _TOGETHER:
            yield part
            part, held = [], 0
        part.append(number)
        held += size
    if part:
        yield part
