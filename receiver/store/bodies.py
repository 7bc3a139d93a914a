"""Webhooks as they came, compressed and in slices, so that no row is large."""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, select

from receiver.store.schema import slices, webhooks

SLICE = 512 * 1024
"""Bytes; Alertmanager's words shrink to a tenth, so most webhooks have one slice."""
_QUICK = 1
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


def unpack(parts: Iterable[bytes]) -> bytes:
    """Return the body that `pack` was given."""
    packed = b"".join(parts)
    return packed if packed[:1] and packed[0] in _PLAIN else zlib.decompress(packed)


def _later_slices(connection: Connection, numbers: Iterable[int]) -> dict[int, list[bytes]]:
    """Return what large webhooks have beyond their first slice, in order."""
    found: defaultdict[int, list[bytes]] = defaultdict(list)
    these = select(slices.c.webhook, slices.c.data).where(slices.c.webhook.in_(list(numbers)))
    for number, part in connection.execute(these.order_by(slices.c.webhook, slices.c.number)):
        found[number].append(part)
    return found


def read(connection: Connection, numbers: Iterable[int]) -> dict[int, tuple[bytes, ...]]:
    """Return the slices of some webhooks, for `unpack`."""
    wanted = list(numbers)
    rest = _later_slices(connection, wanted)
    first = connection.execute(
        select(webhooks.c.id, webhooks.c.body).where(webhooks.c.id.in_(wanted))
    )
    return {number: (part, *rest.get(number, ())) for number, part in first}
