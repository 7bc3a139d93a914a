"""Answers that several handlers give, and the check that comes before them."""

from aiohttp import hdrs, web

from receiver.web.auth import Access, Scope, judge
from receiver.web.keys import SITE

_ALLOWED = {Access.OPEN, Access.GRANTED}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def problem(status: int, error: str, path: str = "") -> web.Response:
    """Say what is wrong as JSON; `path` is the place in the request's body."""
    said = {"error": error} | ({"path": path} if path else {})
    return web.json_response(said, status=status)


def refuse(request: web.Request, scope: Scope) -> web.Response | None:
    """Return the refusal of a request that may not do this, or None."""
    authorization = request.headers.get(hdrs.AUTHORIZATION, "")
    access = judge(authorization, request.app[SITE].tokens, scope)
    if access in _ALLOWED:
        return None
    if access is Access.OTHER_SCOPE:
        return problem(403, f"{access}; this needs one of scope {scope} or admin")
    answer = problem(401, f"{access}; this needs one of scope {scope} or admin")
    for scheme in ("Bearer", "Basic"):
        answer.headers.add(hdrs.WWW_AUTHENTICATE, f'{scheme} realm="tocsin"')
    return answer
