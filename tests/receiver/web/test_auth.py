import base64

import pytest
from pydantic import SecretStr

from receiver.web.auth import Access, Scope, Token, judge


def token(scope: Scope, secret: str) -> Token:
    return Token.model_construct(name=secret, scope=scope, secret=SecretStr(secret))


TOKENS = [
    token(Scope.INGEST, "old"),
    token(Scope.INGEST, "new"),
    token(Scope.READ, "reader"),
    token(Scope.ADMIN, "root"),
]


def basic(password: str, user: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "access"),
    [
        ("Bearer old", Access.GRANTED),
        ("Bearer new", Access.GRANTED),
        ("bearer  new ", Access.GRANTED),
        ("Bearer root", Access.GRANTED),
        (basic("new"), Access.GRANTED),
        (basic("new", user=""), Access.GRANTED),
        ("Bearer reader", Access.OTHER_SCOPE),
        (basic("reader"), Access.OTHER_SCOPE),
        ("", Access.MISSING),
        ("Bearer", Access.WRONG),
        ("Bearer ne", Access.WRONG),
        ("Bearer newer", Access.WRONG),
        ("Bearer \udcff", Access.WRONG),
        ("Basic new", Access.WRONG),
        ("Basic ///=", Access.WRONG),
        ("Digest new", Access.WRONG),
        ("new", Access.WRONG),
    ],
)
def test_an_authorization_is_granted_or_refused_for_a_reason(
    authorization: str, access: Access
) -> None:
    assert judge(authorization, TOKENS, Scope.INGEST).access is access


def test_a_scope_that_no_token_covers_is_open() -> None:
    assert judge("", TOKENS[:2], Scope.READ).access is Access.OPEN
    assert judge("", [], Scope.INGEST).access is Access.OPEN
    assert judge("", TOKENS[3:], Scope.READ).access is Access.MISSING


def test_a_name_in_a_certificate_is_a_token_and_who_showed_it_is_known() -> None:
    named = Token(name="am", scope=Scope.INGEST, certificate="am.example.com")
    tokens = [*TOKENS, named]
    verdict = judge("", tokens, Scope.INGEST, {"am.example.com"})
    assert (verdict.access, verdict.who) == (Access.GRANTED, "am")
    assert judge("", tokens, Scope.READ, {"am.example.com"}).access is Access.OTHER_SCOPE
    assert judge("", tokens, Scope.INGEST, {"another.example.com"}).access is Access.MISSING
    assert judge("", tokens, Scope.INGEST, {""}).access is Access.MISSING
