"""POST /api/v1/channels/NAME/test: a test message, and what became of it."""

from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator

from receiver.messages.samples import exercise
from receiver.model import SendError
from receiver.settings import Section
from receiver.severity import SEVERITIES
from receiver.store.audit import Change
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, problem, read_json, unavailable
from receiver.web.auth import Scope
from receiver.web.keys import SITE


def _check_severity(name: str) -> str:
    if name not in SEVERITIES:
        raise ValueError(f"no severity {name!r:.40}; write {', '.join(SEVERITIES)}")
    return name


class Asked(Section):
    """What the test says of itself; the body may be left out."""

    severity: Annotated[str, AfterValidator(_check_severity)] = "info"
    resolved: bool = False


async def test(request: web.Request) -> web.Response:
    """Send a test message by a channel in its turn, and note in the audit who wanted it."""
    who = demand(request, Scope.OPERATE)
    asked = await read_json(request, Asked)
    name, site = request.match_info["name"], request.app[SITE]
    try:
        failed = await _send(request, name, asked)
        change = Change(who, "test", f"channel {name}", str(failed or "sent"))
        await site.store.note(change, site.store.now())
    except LookupError:
        known = ", ".join(site.channels)
        return problem(404, f"no channel is named {name!r:.80}; there are {known}")
    except StoreUnavailableError as error:
        return unavailable(error)
    if failed:
        said = {"error": str(failed), "channel": name, "reason": failed.reason}
        return web.json_response(said, status=502)
    return web.json_response({"channel": name, "outcome": "sent"})


async def _send(request: web.Request, name: str, asked: Asked) -> SendError | None:
    site = request.app[SITE]
    test = exercise(asked.severity, site.store.now(), resolved=asked.resolved)
    try:
        await site.send_test(name, test)
    except SendError as error:
        return error
    return None
