"""A browser's session: a sealed cookie that stands for a token, so that people sign in once.

The cookie holds the token's name and an end, sealed over a hash of its secret: when the token is
replaced or removed, the session is over. https://cheatsheetseries.owasp.org (sessions, CSRF)
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from receiver.signing import Signer
from receiver.web.auth import Token

COOKIE = "tocsin"
LASTING = timedelta(days=7)
_PURPOSE, _FORM = "session", "form"
_LONGEST = 600


def issue(signer: Signer, token: Token, now: datetime) -> str:
    """Return the cookie of a session that begins now."""
    until = int((now + LASTING).timestamp())
    name = base64.urlsafe_b64encode(token.name.encode()).decode().rstrip("=")
    return f"{name}.{until}.{signer.seal(_PURPOSE, _subject(token), until)}"


def holder(cookie: str, signer: Signer, tokens: Iterable[Token], now: datetime) -> Token | None:
    """Return the token for which a cookie stands, as long as it does."""
    name, until, seal = (*cookie[:_LONGEST].split("."), "", "")[:3]
    try:
        called = base64.urlsafe_b64decode(f"{name}===").decode()
    except (binascii.Error, ValueError):
        return None
    for token in tokens:
        if token.name == called and token.secret is not None:
            subject = _subject(token)
            if not signer.objection(_PURPOSE, subject, until, seal, now):
                return token
    return None


def form_seal(signer: Signer, cookie: str) -> str:
    """Return what a form of ours holds, and another site's does not, for one session."""
    return signer.seal(_FORM, cookie, 0)


def is_own_form(signer: Signer, cookie: str, shown: str) -> bool:
    """Whether a form was written for this session."""
    return hmac.compare_digest(form_seal(signer, cookie).encode(), shown.encode("utf-8", "replace"))


def is_own_page(request: web.Request) -> bool:
    """Whether a page of ours asks: a browser says with each change whose page wants it.

    A proxy may have changed the host, and says so in a header that no other site's page can send.
    """
    origin = urlsplit(request.headers.get(hdrs.ORIGIN, ""))
    hosts = {request.host, request.headers.get(hdrs.X_FORWARDED_HOST, "")}
    return bool(origin.netloc) and origin.netloc in hosts


def _subject(token: Token) -> str:
    secret = token.secret.get_secret_value() if token.secret else ""
    return f"{token.name}\0{hashlib.sha256(secret.encode()).hexdigest()}"
