"""Answers that several handlers give, and the checks that come before them."""

import asyncio
import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from pydantic import ValidationError

from receiver.settings import Section, describe, faults
from receiver.store.schema import StoreUnavailableError
from receiver.web.auth import CHANGES, Access, Scope, Token, judge
from receiver.web.keys import SITE
from receiver.web.pages import policy
from receiver.web.problems import CONTENT_TYPE, Refusal, in_body, problem
from receiver.web.session import COOKIE, holder, is_own_page

_BODY_TIMEOUT = 10.0
_LARGEST_BODY = 256 * 1024
_SMALL_BODY = 64 * 1024
_JSON = "application/json"
_Kind = TypeVar("_Kind", bound=Section)
_SAFE = {hdrs.METH_GET, hdrs.METH_HEAD}
_ALLOWED = {Access.OPEN, Access.GRANTED}


def unavailable(error: StoreUnavailableError) -> web.Response:
    """Say that the store cannot be used, and why as far as everybody may know."""
    return problem(503, f"the store is unavailable, try again: {error.public}")


def demand(request: web.Request, scope: Scope) -> str:
    """Return who asks, for the audit; raises the refusal of a request that may not do this."""
    authorization = request.headers.get(hdrs.AUTHORIZATION, "")
    names = frozenset(_certified(request))
    session = None if authorization or names else signed_in(request)
    verdict = judge(authorization, request.app[SITE].tokens, scope, names, session)
    if verdict.access is Access.OPEN and scope in CHANGES:
        _demand_this_machine(request, scope)
    if session is not None and request.method not in _SAFE and not is_own_page(request):
        raise Refusal(403, "asked by another site's page")
    if verdict.access in _ALLOWED:
        return verdict.who or f"anybody at {request.remote}"
    said = f"{verdict.access}; this needs one of scope {_wanted(scope)}"
    if verdict.access is Access.OTHER_SCOPE:
        raise Refusal(403, said)
    refusal = Refusal(401, said)
    for scheme in ("Bearer", "Basic"):
        refusal.headers.add(hdrs.WWW_AUTHENTICATE, f'{scheme} realm="tocsin"')
    raise refusal


def _wanted(scope: Scope) -> str:
    return " or ".join(dict.fromkeys((scope, Scope.ADMIN)))


def signed_in(request: web.Request) -> Token | None:
    """Return the token of a browser's session."""
    site, cookie = request.app[SITE], request.cookies.get(COOKIE, "")
    return holder(cookie, site.signer, site.tokens, site.store.now()) if cookie else None


def demand_page(request: web.Request, scope: Scope) -> str:
    """Demand the same for a page; who is not known may sign in on the refusal, and come back."""
    try:
        return demand(request, scope)
    except Refusal as refusal:
        if hdrs.WWW_AUTHENTICATE in refusal.headers:  # `Basic` would cover the form by a window
            refusal.headers.popall(hdrs.WWW_AUTHENTICATE)
            refusal.headers[hdrs.WWW_AUTHENTICATE] = 'Bearer realm="tocsin"'
        refusal.headers["Content-Security-Policy"] = policy(forms="'self'")
        wrong = hdrs.AUTHORIZATION in request.headers
        refusal.text = request.app[SITE].pages.sign_in(request.path_qs, wrong=wrong)
        refusal.content_type = "text/html"
        raise


def _demand_this_machine(request: web.Request, scope: Scope) -> None:
    """Refuse a change that nobody vouches for, unless it comes from here and no other's web page.

    A browser on this machine sends whatever a page of somebody else's wants, but says so.
    """
    local = request.remote is not None and ipaddress.ip_address(request.remote).is_loopback
    if not local or not _is_from_here(request):
        said = f"from elsewhere this needs a token of scope {_wanted(scope)}; configure one"
        raise Refusal(403, said)


def _is_from_here(request: web.Request) -> bool:
    """Whether no page asks, or one of ours by an address that only this machine has.

    Any name may be made to lead here, so `localhost` and numbers are the only good ones.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return True
    page = urlsplit(origin)
    if page.netloc != request.host:
        return False
    try:
        return page.hostname == "localhost" or ipaddress.ip_address(page.hostname or "").is_loopback
    except ValueError:
        return False


def _certified(request: web.Request) -> Iterator[str]:
    """Yield the names in the certificate that a client showed; the TLS layer has verified it."""
    connection = request.transport and request.transport.get_extra_info("ssl_object")
    if not isinstance(connection, ssl.SSLObject):
        return
    shown: dict[str, Any] = dict(connection.getpeercert() or {})
    for parts in shown.get("subject", ()):
        yield from (value for key, value in parts if key == "commonName")
    yield from (value for _, value in shown.get("subjectAltName", ()))


def html(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with a page."""
    return web.Response(
        text=text, status=status, content_type="text/html", charset="utf-8", headers=headers
    )


async def read_body(request: web.Request) -> bytes:
    """Read a small body; raises the refusal of a large or a late one."""
    body = b""
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > _LARGEST_BODY:
                    raise web.HTTPRequestEntityTooLarge(_LARGEST_BODY, len(body))
    except TimeoutError as error:
        raise Refusal(408, "the body is late") from error
    return body


async def read_small(request: web.Request) -> bytes:
    """Read a body that is kept in a hash and perhaps in an answer; it can be read again then."""
    body = await _read(request)
    if len(body) > _SMALL_BODY:
        raise Refusal(413, f"over {_SMALL_BODY} bytes; write less, or send it without a key")
    return body


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            return await request.read()
    except TimeoutError as error:
        raise Refusal(408, "the body is late") from error


async def read_json(request: web.Request, kind: type[_Kind]) -> _Kind:
    """Read a JSON body, of which an empty one is `{}`; raises the refusal of another one.

    That it says to be JSON keeps other sites' forms out, which cannot say so.
    """
    if request.body_exists and request.content_type != _JSON:
        raise Refusal(415, f"{_JSON} is expected", CONTENT_TYPE)
    try:
        return kind.model_validate_json(await _read(request) or b"{}")
    except ValidationError as error:
        said = "; ".join(describe(Path("body"), error, kind))
        places = (in_body(*steps, detail=what) for steps, what in faults(error, kind))
        raise Refusal(400, said, *places) from error
