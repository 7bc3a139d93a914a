"""Who may do what: tokens with a scope, shown as a bearer, as a password, or as a certificate."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from receiver.settings import SecretFile, Section


class Scope(StrEnum):
    """What a token is good for; `admin` is good for everything, and `operate` for `read` too."""

    INGEST = "ingest"
    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"


CHANGES = frozenset({Scope.OPERATE, Scope.ADMIN})
"""Scopes of those who change the receiver itself."""


def _check_person(key: str, info: ValidationInfo) -> str:
    """Refuse who is not among `people` of the context, where it has some."""
    known = (info.context or {}).get("people")
    if key and known is not None and key not in known:
        there = ", ".join(known) or "none; add them under people"
        raise ValueError(f"no person is {key!r:.60}; there are {there}")
    return key


class Token(Section):
    """A secret that somebody shows, or a name in a client's certificate.

    Several may be active, so that one can be replaced. `person` is the key of whoever alone has
    it: by it they approve responses, if they may.
    """

    name: Annotated[str, Field(min_length=1)]
    scope: Scope
    secret: SecretFile | None = Field(default=None, alias="file")
    certificate: str = ""
    person: Annotated[str, AfterValidator(_check_person)] = ""

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.secret is None) == (not self.certificate):
            raise ValueError("write either file or certificate")
        return self

    def covers(self, scope: Scope) -> bool:
        """Whether it is good for this scope; who may act may look."""
        acts = self.scope is Scope.OPERATE and scope is Scope.READ
        return acts or self.scope in {scope, Scope.ADMIN}


class Access(StrEnum):
    """What became of a request's authentication."""

    OPEN = "open"
    GRANTED = "granted"
    MISSING = "no token"
    WRONG = "wrong token"
    OTHER_SCOPE = "a token of another scope"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of it, and the name of the token that was shown."""

    access: Access
    who: str = ""


def is_guarded(tokens: Sequence[Token], scope: Scope) -> bool:
    """Whether some token covers the scope; without one it is open to everybody."""
    return any(token.covers(scope) for token in tokens)


def judge(
    authorization: str,
    tokens: Sequence[Token],
    scope: Scope,
    names: Collection[str] = (),
    session: Token | None = None,
) -> Verdict:
    """Judge an Authorization header, the names in a client's certificate, and its session's token.

    Every secret is compared, in constant time.
    """
    shown = _digest(_shown(authorization))
    held = [token for token in tokens if token is session or _matches(token, shown, names)]
    for token in held:
        if token.covers(scope):
            return Verdict(Access.GRANTED, token.name)
    if not is_guarded(tokens, scope):
        return Verdict(Access.OPEN)
    if held:
        return Verdict(Access.OTHER_SCOPE)
    return Verdict(Access.WRONG if authorization else Access.MISSING)


def holder_of(secret: str, tokens: Sequence[Token]) -> Token | None:
    """Return the token of a secret, of several with the same the one that is good for most."""
    shown = _digest(secret)
    held = [token for token in tokens if token.secret is not None and _matches(token, shown, ())]
    return max(held, key=lambda token: list(Scope).index(token.scope), default=None)


def _matches(token: Token, shown: bytes, names: Collection[str]) -> bool:
    if token.secret is None:
        return token.certificate in names
    return hmac.compare_digest(_digest(token.secret.get_secret_value()), shown)


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


def person_of(who: str, tokens: Sequence[Token]) -> str:
    """Return the key of whoever has the token of that name; empty where nobody says or several."""
    held = {token.person for token in tokens if token.name == who}
    return held.pop() if len(held) == 1 else ""
