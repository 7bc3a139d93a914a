from urllib.parse import quote, quote_plus

import pytest

from receiver.delivery.mask import mask, one_line

TOKEN = "s3cret/with+odd=chars&more"
URL = "https://user:passw0rd@oapi.example.com/services/T0000/hidden-part?access_token=abc%2Fdef123"


@pytest.mark.parametrize(
    "text",
    [
        f"cannot send {TOKEN} there",
        f"GET /?token={quote(TOKEN)}",
        f"GET /?token={quote(TOKEN, safe='')}",
        f"GET /?token={quote_plus(TOKEN)}",
        f"GET /?token={quote(TOKEN, safe='').lower()}",
        repr(ValueError(TOKEN)),
    ],
)
def test_a_secret_is_masked_however_it_is_encoded(text: str) -> None:
    masked = mask(text, [TOKEN])
    assert "s3cret" not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"InvalidURL: {URL}&timestamp=17", "abc"),
        ("bad request: /services/T0000/hidden-part", "hidden-part"),
        ("bad request: hidden-part", "hidden-part"),
        ("bad request: ?access_token=abc%2Fdef123&sign=1", "def123"),
        ("bad request: access_token=abc/def123", "def123"),
        ("login with passw0rd refused", "passw0rd"),
    ],
)
def test_parts_of_a_secret_url_are_masked_too(text: str, hidden: str) -> None:
    assert hidden not in mask(text, [URL])


def test_what_is_no_secret_stays_as_it_is() -> None:
    assert mask("cannot connect to oapi.example.com:443", [URL, TOKEN]) == (
        "cannot connect to oapi.example.com:443"
    )


def test_an_error_becomes_one_printable_line_of_bounded_length() -> None:
    line = one_line(f"a\r\nb\x1b[31m\tc{TOKEN}" + "x" * 1000, [TOKEN])
    assert line.startswith("a b[31m c***xxx")
    assert len(line) == 301
