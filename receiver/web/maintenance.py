"""/api/v1/maintenance: the windows that there are, one more, and one less."""

from datetime import datetime
from typing import Any

from aiohttp import web

from receiver.incidents.quiet.windows import Window
from receiver.store.planned import MOST
from receiver.web.answers import demand, read_json
from receiver.web.auth import Scope
from receiver.web.keys import SITE
from receiver.web.problems import in_body, problem


async def find(request: web.Request) -> web.Response:
    """Return all windows: those of the configuration, and those that were planned."""
    demand(request, Scope.READ)
    site = request.app[SITE]
    now = site.store.now()
    await site.planning.refresh(now)
    fixed = {window.name for window in site.planning.rules().windows}
    made_by = {plan.name: plan.made_by for plan in site.planning.plans}
    every = [
        _write(window, now) | {"made_by": None if window.name in fixed else made_by[window.name]}
        for window in site.planning.windows
    ]
    return web.json_response({"maintenance": every})


async def plan(request: web.Request) -> web.Response:
    """Plan a window, written as in the configuration."""
    who = demand(request, Scope.OPERATE)
    site = request.app[SITE]
    window = site.planning.settled(await read_json(request, Window))
    now = site.store.now()
    refused = await site.planning.add(window, who, now)
    if refused == "taken":
        said = f"there is a window named {window.name!r}; choose another"
        return problem(409, said, in_body("name"))
    if refused:
        return problem(409, f"there are {MOST} windows; delete some")
    return web.json_response(_write(window, now) | {"made_by": who}, status=201)


async def cancel(request: web.Request) -> web.Response:
    """Take a planned window away; where it is open, it ends."""
    who = demand(request, Scope.OPERATE)
    site, name = request.app[SITE], request.match_info["name"]
    if any(window.name == name for window in site.planning.rules().windows):
        return problem(409, f"{name!r:.80} is in the configuration; take it away there")
    gone = await site.planning.drop(name, who, site.store.now())
    return web.Response(status=204) if gone else problem(404, f"no window is named {name!r:.80}")


def _write(window: Window, now: datetime) -> dict[str, Any]:
    spell = window.spell(now)
    until = spell.ends.isoformat() if spell.is_open else None
    return window.model_dump(mode="json") | {"open": spell.is_open, "open_until": until}
