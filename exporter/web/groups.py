"""How groups of signals are, as JSON: all of them in pages, and one with its reasons."""

from aiohttp import web

from exporter.groups.exposed import detail, summary
from exporter.web.service import SERVICE

_MOST = 1000


async def listed(request: web.Request) -> web.Response:
    """Answer with up to `limit` groups by name, those after the name `after`; `next` leads on."""
    limit = _limit(request.query.get("limit", "100"))
    after = request.query.get("after", "")
    states = sorted(request.app[SERVICE].ticker.groups.states(), key=lambda one: one.group.name)
    rest = [one for one in states if one.group.name > after]
    more = rest[limit - 1].group.name if len(rest) > limit else None
    return web.json_response({"groups": [summary(one) for one in rest[:limit]], "next": more})


async def one(request: web.Request) -> web.Response:
    """Answer with one group: its members, their contributions, and the loudest pair."""
    name = request.match_info["name"]
    state = request.app[SERVICE].ticker.groups.state(name)
    if state is None:
        raise web.HTTPNotFound(text=f"no such group: {name}; /api/v1/groups lists all\n")
    return web.json_response(detail(state))


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST:
        raise web.HTTPBadRequest(text=f"limit: a number from 1 to {_MOST} is expected\n")
    return int(text)
