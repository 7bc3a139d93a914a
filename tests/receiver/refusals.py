"""How a refusal looks to a program."""

from http import HTTPStatus
from typing import Any

from aiohttp import ClientResponse


async def read(answer: ClientResponse) -> dict[str, Any]:
    """Return a refusal, which says of itself what every one does (RFC 9457)."""
    said: dict[str, Any] = await answer.json()
    assert answer.content_type == "application/problem+json"
    assert said["status"] == answer.status
    assert (said["type"], said["title"]) == ("about:blank", HTTPStatus(answer.status).phrase)
    assert said["detail"]
    return said


async def places(answer: ClientResponse) -> list[str]:
    """Return where in the request something is wrong."""
    errors = (await read(answer))["errors"]
    assert all(each["detail"] for each in errors)
    kinds = ("pointer", "parameter", "header")
    return [each[kind] for each in errors for kind in kinds if kind in each]
