"""Who may do what: bearer tokens with a scope, also as the password of basic authentication."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from receiver.settings import SecretFile, Section


class Scope(StrEnum):
    """What a token is good for; `admin` is good for everything."""

    INGEST = "ingest"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


class Token(Section):
    """A secret that somebody shows; several may be active, so that one can be replaced."""

    name: Annotated[str, Field(min_length=1)]
    scope: Scope
    secret: SecretFile = Field(alias="file")

    def covers(self, scope: Scope) -> bool:
        """Whether it is good for this scope."""
        return self.scope in {scope, Scope.ADMIN}


class Access(StrEnum):
    """What became of a request's authentication."""

    OPEN = "open"
    GRANTED = "granted"
    MISSING = "no token"
    WRONG = "wrong token"
    OTHER_SCOPE = "a token of another scope"


def is_guarded(tokens: Sequence[Token], scope: Scope) -> bool:
    """Whether some token covers the scope; without one it is open to everybody."""
    return any(token.covers(scope) for token in tokens)


def judge(authorization: str, tokens: Sequence[Token], scope: Scope) -> Access:
    """Judge an Authorization header; every token is compared, in constant time."""
    if not is_guarded(tokens, scope):
        return Access.OPEN
    shown = _digest(_shown(authorization))
    held = [t for t in tokens if hmac.compare_digest(_digest(t.secret.get_secret_value()), shown)]
    if any(token.covers(scope) for token in held):
        return Access.GRANTED
    if held:
        return Access.OTHER_SCOPE
    return Access.WRONG if authorization else Access.MISSING


def _shown(authorization: str) -> str:
    """Read the token of `Bearer TOKEN`, or the password of `Basic BASE64` (RFC 6750, RFC 7617)."""
    kind, _, value = authorization.strip().partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            pair = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return ""
        return pair.partition(":")[2]
    return ""


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
