"""Who may read: anybody where no tokens are configured, else who shows one of them."""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import SecretStr

from exporter.web.service import SERVICE

_OPEN = frozenset({"/-/healthy", "/-/ready"})
"""Probes of an orchestrator carry no token and learn nothing here."""


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a request pass if it may; a write needs a token, or to come from this machine."""
    tokens = request.app[SERVICE].tokens
    if request.path in _OPEN or any_matches(
        tokens, presented(request.headers.get("Authorization"))
    ):
        return await handler(request)
    if tokens:
        raise unauthorized()
    if request.method not in {"GET", "HEAD"} and not _from_here(request):
        raise web.HTTPForbidden(text="configure `tokens` to write from another machine\n")
    return await handler(request)


def presented(header: str | None) -> str:
    """Return the token of an Authorization header: a bearer's, or the password of basic."""
    scheme, _, rest = (header or "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def any_matches(tokens: Iterable[SecretStr], shown: str) -> bool:
    """Compare with every token, each in a time that does not tell how much of it was right."""
    given = shown.encode()
    hits = [hmac.compare_digest(token.get_secret_value().encode(), given) for token in tokens]
    return any(hits)


def unauthorized() -> web.HTTPUnauthorized:
    """Ask for a token; a browser understands the basic challenge only."""
    response = web.HTTPUnauthorized(text="a token is needed: Authorization: Bearer TOKEN\n")
    response.headers.add("WWW-Authenticate", 'Bearer realm="tocsin"')
    response.headers.add("WWW-Authenticate", 'Basic realm="tocsin", charset="UTF-8"')
    return response


def _from_here(request: web.Request) -> bool:
    return request.remote is not None and ipaddress.ip_address(request.remote).is_loopback
