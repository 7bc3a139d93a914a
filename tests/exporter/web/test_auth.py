import base64

import pytest
from pydantic import SecretStr

from exporter.web.auth import any_matches, presented

BASIC = base64.b64encode(b"anybody:s3cret:with-colon").decode()


@pytest.mark.parametrize(
    ("header", "token"),
    [
        (None, ""),
        ("", ""),
        ("Bearer s3cret", "s3cret"),
        ("bearer  s3cret ", "s3cret"),
        (f"Basic {BASIC}", "s3cret:with-colon"),
        ("Basic not-base64!", ""),
        ("Basic /////w==", ""),
        ("Digest s3cret", ""),
        ("s3cret", ""),
    ],
)
def test_a_token_is_read_from_the_header(header: str | None, token: str) -> None:
    assert presented(header) == token


@pytest.mark.parametrize(
    ("shown", "passes"), [("old", True), ("new", True), ("ol", False), ("", False), ("é", False)]
)
def test_any_of_several_tokens_passes(shown: str, passes: bool) -> None:  # noqa: FBT001 -- a table
    assert any_matches([SecretStr("old"), SecretStr("new")], shown) is passes


def test_without_tokens_nothing_matches() -> None:
    assert not any_matches([], "")
