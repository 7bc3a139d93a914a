"""What is done to the receiver itself, and who did what."""

from datetime import UTC, timedelta

import orjson
from aiohttp import web

from receiver.store.audit import Change, Entry
from receiver.store.schema import EPOCH
from receiver.web.answers import demand
from receiver.web.auth import Scope
from receiver.web.keys import SITE
from receiver.web.paging import choice
from receiver.web.problems import parameter, problem

_PAGE = 50
PIECE = 1_000
"""Changes that are read at once of all that are exported."""
FORMATS = ("json", "jsonl")
LINES = "application/jsonl"
_LARGEST_ID = 2**63 - 1


async def reload(request: web.Request) -> web.Response:
    """Read the configuration again; where it is wrong, say how and keep the old one."""
    who = demand(request, Scope.ADMIN)
    problems = await request.app[SITE].reload(who)
    if problems:
        return web.Response(status=500, text="\n".join(problems) + "\n")
    return web.Response(text="reloaded\n")


async def audit(request: web.Request) -> web.StreamResponse:
    """List who changed what, newest first; `next` is the `before` of the next page.

    With `format=jsonl` it is all of it, oldest first, a line for each with its hash.
    """
    demand(request, Scope.ADMIN)
    if choice(request, "format", FORMATS) == "jsonl":
        return await _export(request)
    before = request.query.get("before", "")
    if before and not (before.isascii() and before.isdecimal()):
        said = "before is a number: the `next` of the page before"
        return problem(400, said, parameter("before"))
    oldest = min(int(before), _LARGEST_ID) if before else None
    found = await request.app[SITE].store.changes(before=oldest, limit=_PAGE)
    after = found[-1].id if len(found) == _PAGE else None
    return web.json_response({"changes": [_shown(entry) for entry in found], "next": after})


async def _export(request: web.Request) -> web.StreamResponse:
    auditing, last = request.app[SITE].store.auditing, 0
    found = await auditing.after(last, PIECE)
    answer = web.StreamResponse(headers={"Content-Type": LINES})
    await answer.prepare(request)
    while found:
        await answer.write(b"".join(orjson.dumps(write(each)) + b"\n" for each in found))
        found = await auditing.after(found[-1].id, PIECE)
    await answer.write_eof()
    return answer


def write(entry: Entry) -> dict[str, str | int]:
    """Write a change as it is exported: its hash is over `before` and the rest but its number."""
    microseconds = (entry.at - EPOCH) // timedelta(microseconds=1)
    sealed = {"before": entry.before, "hash": entry.hash}
    return _shown(entry) | {"at_microseconds": microseconds} | sealed


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
