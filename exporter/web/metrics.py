"""The page that Prometheus scrapes."""

import asyncio
import math
from collections.abc import Iterable
from contextlib import suppress

from aiohttp import web

from exporter import exposition
from exporter.web.service import SERVICE, Service

_MOST_AT_ONCE = 40
"""node_exporter's bound on concurrent scrapes."""
_SHARE = 0.8
"""How much of the scraper's timeout collectors may take; the rest is for the way back."""
_LONGEST = 60.0
"""Seconds that a scraper may take to read a page."""
_HEADERS = {"Content-Type": exposition.CONTENT_TYPE, "Vary": "Accept-Encoding"}


class Scrapes:
    """Serves /metrics, to a bounded number of scrapers at once."""

    def __init__(self) -> None:
        self._under_way = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Collect now, add the latest scores, and answer in the text format."""
        if self._under_way >= _MOST_AT_ONCE:
            raise web.HTTPServiceUnavailable(text="too many scrapes at once\n")
        self._under_way += 1
        try:
            parts = await render(request.app[SERVICE], budget(request))
        finally:
            self._under_way -= 1
        return await _send(request, parts)


async def render(service: Service, seconds: float = math.inf) -> tuple[bytes, ...]:
    """Collect within `seconds` and render one page, packed with gzip."""
    samples = await service.ticker.fence.collect(seconds) + service.about()
    snapshot = service.ticker.snapshot
    if snapshot is None:
        return await service.page.render(samples, ())
    return await service.page.render([*samples, *snapshot.samples], snapshot.columns)


async def _send(request: web.Request, parts: tuple[bytes, ...]) -> web.StreamResponse:
    """Send a page part by part, so that it is never there twice."""
    response = web.StreamResponse(headers=_HEADERS)
    texts: Iterable[bytes] = exposition.unpack(parts)
    if takes_gzip(request.headers.get("Accept-Encoding", "")):
        response.headers["Content-Encoding"] = "gzip"
        response.content_length = sum(map(len, parts))
        texts = parts
    with suppress(ConnectionError, TimeoutError):  # the scraper has gone or reads no more
        async with asyncio.timeout(_LONGEST):
            await response.prepare(request)
            for text in () if request.method == "HEAD" else texts:
                await response.write(text)
            await response.write_eof()
            return response
    if request.transport:
        request.transport.abort()
    return response


def budget(request: web.Request) -> float:
    """Return the seconds that collectors may take, from the timeout that Prometheus announces."""
    try:
        timeout = float(request.headers.get("X-Prometheus-Scrape-Timeout-Seconds", "inf"))
    except ValueError:
        return math.inf
    return timeout * _SHARE if timeout > 0 else math.inf


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the header names gzip with a quality above zero (RFC 9110, 12.5.3)."""
    for part in accept_encoding.split(","):
        coding, _, quality = part.strip().lower().partition(";")
        if coding.strip() == "gzip":
            return quality.replace(" ", "").rstrip("0.") != "q="
    return False
