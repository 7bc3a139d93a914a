"""What is done to the receiver itself, and who did what."""

from datetime import UTC

from aiohttp import web

from receiver.store.audit import Change, Entry
from receiver.web.answers import demand
from receiver.web.auth import Scope
from receiver.web.keys import SITE
from receiver.web.problems import parameter, problem

_PAGE = 50
_LARGEST_ID = 2**63 - 1


async def reload(request: web.Request) -> web.Response:
    """Read the configuration again; where it is wrong, say how and keep the old one."""
    who = demand(request, Scope.ADMIN)
    problems = await request.app[SITE].reload(who)
    if problems:
        return web.Response(status=500, text="\n".join(problems) + "\n")
    return web.Response(text="reloaded\n")


async def audit(request: web.Request) -> web.Response:
    """List who changed what, newest first; `next` is the `before` of the next page."""
    demand(request, Scope.ADMIN)
    before = request.query.get("before", "")
    if before and not (before.isascii() and before.isdecimal()):
        said = "before is a number: the `next` of the page before"
        return problem(400, said, parameter("before"))
    oldest = min(int(before), _LARGEST_ID) if before else None
    found = await request.app[SITE].store.changes(before=oldest, limit=_PAGE)
    after = found[-1].id if len(found) == _PAGE else None
    return web.json_response({"changes": [_shown(entry) for entry in found], "next": after})


def _shown(entry: Entry) -> dict[str, str | int]:
    change: Change = entry.change
    return {
        "id": entry.id,
        "at": entry.at.astimezone(UTC).isoformat(),
        "who": change.who,
        "action": change.action,
        "subject": change.subject,
        "detail": change.detail,
    }
