"""Answers that several handlers give, and the check that comes before them."""

import json

from aiohttp import hdrs, web

from receiver.web.auth import Access, Scope, judge
from receiver.web.keys import SITE

_ALLOWED = {Access.OPEN, Access.GRANTED}


def problem(status: int, error: str, path: str = "") -> web.Response:
    """Say what is wrong as JSON; `path` is the place in the request's body."""
    said = {"error": error} | ({"path": path} if path else {})
    return web.json_response(said, status=status)


def demand(request: web.Request, scope: Scope) -> None:
    """Raise the refusal of a request that may not do this."""
    authorization = request.headers.get(hdrs.AUTHORIZATION, "")
    access = judge(authorization, request.app[SITE].tokens, scope)
    if access in _ALLOWED:
        return
    said = json.dumps({"error": f"{access}; this needs one of scope {scope} or admin"})
    if access is Access.OTHER_SCOPE:
        raise web.HTTPForbidden(text=said, content_type="application/json")
    refusal = web.HTTPUnauthorized(text=said, content_type="application/json")
    for scheme in ("Bearer", "Basic"):
        refusal.headers.add(hdrs.WWW_AUTHENTICATE, f'{scheme} realm="tocsin"')
    raise refusal
