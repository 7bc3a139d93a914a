from datetime import UTC, datetime

import pytest

from receiver.channels.posting import Answer, _parse_retry_after, check_url, refusal

NOW = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        (" 0 ", 0.0),
        ("Mon, 23 Nov 2026 14:02:00 GMT", 120.0),
        ("Mon, 23 Nov 2026 13:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 14:02:00 -0000", None),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert _parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "reason", "permanent", "retry_after"),
    [
        (200, "unexpected", False, None),
        (302, "unexpected", False, None),
        (400, "rejected", True, None),
        (401, "rejected", False, None),
        (404, "rejected", False, None),
        (408, "server", False, None),
        (410, "rejected", False, None),
        (413, "rejected", True, None),
        (429, "throttled", False, 60.0),
        (500, "server", False, None),
        (503, "server", False, None),
    ],
)
def test_a_status_alone_says_whether_to_try_again(
    *, status: int, reason: str, permanent: bool, retry_after: float | None
) -> None:
    error = refusal(Answer(status, "", None), "")
    assert (error.reason, error.permanent, error.retry_after) == (reason, permanent, retry_after)


def test_the_wish_of_the_other_side_is_kept() -> None:
    assert refusal(Answer(503, "", 5.0), "").retry_after == 5.0
    assert refusal(Answer(429, "", 0.0), "").retry_after == 0.0


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://[fe80::1]/x", "https://", "file:///etc/passwd"]
)
def test_metadata_services_and_other_schemes_are_no_place_for_messages(url: str) -> None:
    with pytest.raises(ValueError, match=r"link-local|not a URL"):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/x", "http://10.0.0.1/", "https://a.example"]
)
def test_loopback_and_private_addresses_may_be_configured(url: str) -> None:
    assert check_url(url) == url
