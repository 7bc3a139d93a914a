"""/sign-in and /sign-out: a token is shown once, and a cookie stands for it afterwards."""

from urllib.parse import parse_qs

from aiohttp import web

from receiver.web.answers import html, read_body, signed_in
from receiver.web.auth import holder_of
from receiver.web.keys import SITE
from receiver.web.pages import policy
from receiver.web.session import COOKIE, LASTING, is_own_page, issue

_POLICY = {"Content-Security-Policy": policy(forms="'self'")}


async def page(request: web.Request) -> web.Response:
    """Show the form, and who is signed in."""
    token = signed_in(request)
    pages = request.app[SITE].pages
    return html(pages.sign_in("/", who=token.name if token else ""), headers=_POLICY)


async def sign_in(request: web.Request) -> web.Response:
    """Take a token, and go on to the page that asked for it."""
    site = request.app[SITE]
    said = parse_qs((await read_body(request)).decode("utf-8", "replace"))
    onward = _own(said.get("next", ["/"])[0])
    token = holder_of(said.get("token", [""])[0].strip(), site.tokens)
    if token is None or not is_own_page(request):
        return html(site.pages.sign_in(onward, wrong=True), 403, _POLICY)
    answer = web.Response(status=303, headers={"Location": f".{onward}"})
    _keep(request, answer, issue(site.signer, token, site.store.now()))
    return answer


async def sign_out(request: web.Request) -> web.Response:
    """Forget the session in this browser."""
    answer = web.Response(status=303, headers={"Location": "sign-in"})
    if is_own_page(request):
        answer.del_cookie(COOKIE, httponly=True, samesite="Lax")
    return answer


def _keep(request: web.Request, answer: web.Response, cookie: str) -> None:
    """Set the cookie: links from chats bring it along, other sites' forms do not (`Lax`)."""
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    seconds = int(LASTING.total_seconds())
    answer.set_cookie(COOKIE, cookie, max_age=seconds, httponly=True, samesite="Lax", secure=secure)


def _own(address: str) -> str:
    """Return where to go on to: a path of ours, which behind a dot leads to no other host."""
    ours = address.startswith("/") and address.isascii() and address.isprintable()
    return address if ours else "/"
