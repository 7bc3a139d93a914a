"""The inbox page and its live updates."""

from aiohttp import web

from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, demand_page, html
from receiver.web.auth import Scope
from receiver.web.keys import SITE
from receiver.web.pages import PAGE
from receiver.web.problems import problem
from receiver.web.streaming import tell, too_many

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
        return too_many()
    last = _number(request.headers.get("Last-Event-ID", request.query.get("after", "")))
    with site.feed.subscribe() as stream:
        try:
            missed = [] if last is None else await site.store.posted(site.inboxes, after=last)
        except StoreUnavailableError:
            return problem(503, "the store is unavailable, try again")
        return await tell(request, stream, map(site.pages.event, reversed(missed)))


def _number(text: str) -> int | None:
    """Read an id; what is none counts as none given."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 19:
        return None
    return min(int(text), _LARGEST_ID)
