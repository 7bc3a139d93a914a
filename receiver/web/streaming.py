"""Answers that go on: what is published, as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from aiohttp import web

from receiver.web.feed import Stream
from receiver.web.problems import problem

KIND = "text/event-stream"
_HEARTBEAT = 15.0
_SEND_TIMEOUT = 10.0


def too_many() -> web.Response:
    """Refuse one stream more than there may be."""
    return problem(503, "too many pages are open")


async def tell(
    request: web.Request, stream: Stream, first: Iterable[str] = ()
) -> web.StreamResponse:
    """Send events as they come, until the stream ends, or the reader hangs or has gone."""
    response = web.StreamResponse()
    response.content_type = KIND
    await response.prepare(request)
    with suppress(TimeoutError, ConnectionError):
        await _send(response, "retry: 3000\n\n")
        for event in first:
            await _send(response, event)
        await _follow(response, stream)
    return response


async def _follow(response: web.StreamResponse, stream: Stream) -> None:
    while True:
        try:
            event = await asyncio.wait_for(stream.get(), _HEARTBEAT)
        except TimeoutError:
            event = ": still here\n\n"
        if event is None:
            return
        await _send(response, event)


async def _send(response: web.StreamResponse, text: str) -> None:
    """Write, but not for ever: a reader that hangs must not hold a stream."""
    async with asyncio.timeout(_SEND_TIMEOUT):
        await response.write(text.encode())
