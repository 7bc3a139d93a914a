"""The inbox page and its live updates."""

import asyncio
from contextlib import suppress

from aiohttp import web

from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, demand_page, html, problem
from receiver.web.auth import Scope
from receiver.web.feed import Stream
from receiver.web.keys import SITE
from receiver.web.pages import PAGE

_HEARTBEAT = 15.0
_SEND_TIMEOUT = 10.0
_LARGEST_ID = 2**63 - 1


async def page(request: web.Request) -> web.Response:
    """Show the newest messages, or with `?before=ID` older ones."""
    site = request.app[SITE]
    demand_page(request, Scope.READ)
    before = _number(request.query.get("before", ""))
    try:
        messages = await site.store.posted(site.inboxes, before=before, limit=PAGE)
    except StoreUnavailableError:
        return html(site.pages.notice("away"), status=503)
    return html(site.pages.inbox(messages, newest=before is None))


async def events(request: web.Request) -> web.StreamResponse:
    """Stream messages as they are sent, those after the last one that the page has first."""
    site = request.app[SITE]
    demand(request, Scope.READ)
    if site.feed.is_full:
        return problem(503, "too many pages are open")
    last = _number(request.headers.get("Last-Event-ID", request.query.get("after", "")))
    with site.feed.subscribe() as stream:
        try:
            missed = [] if last is None else await site.store.posted(site.inboxes, after=last)
        except StoreUnavailableError:
            return problem(503, "the store is unavailable, try again")
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        await response.prepare(request)
        with suppress(TimeoutError, ConnectionError):  # the reader hangs, or has gone
            await _send(response, "retry: 3000\n\n")
            for message in reversed(missed):
                await _send(response, site.pages.event(message))
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


def _number(text: str) -> int | None:
    """Read an id; what is none counts as none given."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 19:
        return None
    return min(int(text), _LARGEST_ID)
