"""One bounded exchange by HTTP: what was answered, or whether it can have been done."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from receiver.responses.actions.contract import LONGEST_OUTPUT, ActionError


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, within how many seconds; `context` is for TLS of one's own authorities."""

    method: str
    url: URL
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    context: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The status, and what of the text can be kept."""

    status: int
    text: str


async def exchange(http: aiohttp.ClientSession, asked: Request) -> Answer:
    """Ask once, following no redirect.

    Raises ActionError, unknown where the other side may have done it and could not say so.
    """
    try:
        async with http.request(
            asked.method,
            asked.url,
            data=asked.body,
            headers=asked.headers,
            timeout=aiohttp.ClientTimeout(total=asked.seconds),
            allow_redirects=False,
            ssl=asked.context or True,
        ) as response:
            return Answer(response.status, await _read(response))
    except aiohttp.ClientConnectorError as error:
        why = error.os_error.strerror or type(error.os_error).__name__
        raise ActionError("unreachable", f"cannot connect to {asked.url.host}: {why}") from None
    except TimeoutError:
        said = f"no answer within {asked.seconds:g} s"
        raise ActionError("timeout", said, unknown=True) from None
    except (aiohttp.ClientError, OSError) as error:
        raise ActionError("disconnected", type(error).__name__, unknown=True) from None


async def _read(response: aiohttp.ClientResponse) -> str:
    body = b""
    async for chunk in response.content.iter_chunked(LONGEST_OUTPUT):
        body += chunk
        if len(body) >= LONGEST_OUTPUT:
            break
    return body[:LONGEST_OUTPUT].decode("utf-8", "replace")
