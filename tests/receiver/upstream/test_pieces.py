from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from receiver.upstream.pieces import pieces

ALERTS: list[dict[str, Any]] = [
    {
        "annotations": {"text": f'}},{{"annotations": {number}'},
        "receivers": [{"name": "a"}, {"name": "b"}],
        "fingerprint": str(number),
    }
    for number in range(6_000)
]
GO = orjson.dumps(ALERTS)


async def coming(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def cut(body: bytes, size: int) -> list[bytes]:
    return [piece async for piece in pieces(coming(body, size))]


@pytest.mark.parametrize("size", [4_099, 65_536, len(GO)])
async def test_all_that_comes_is_in_the_pieces_whatever_the_chunks(size: int) -> None:
    found = await cut(GO, size)
    assert [alert for piece in found for alert in orjson.loads(piece)] == ALERTS
    assert len(found) > 1


async def test_no_piece_is_much_larger_than_what_is_read_in_a_moment() -> None:
    assert max(map(len, await cut(GO, 65_536))) < 400_000


@pytest.mark.parametrize(
    "body", [b"[]", b"null", orjson.dumps(ALERTS, option=orjson.OPT_INDENT_2), GO[:-9]]
)
async def test_what_is_written_in_another_way_is_as_it_came(body: bytes) -> None:
    assert b"".join(await cut(body, 65_536)).replace(b"][", b",") == body
