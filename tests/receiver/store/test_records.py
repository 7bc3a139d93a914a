from datetime import timedelta

import pytest

from receiver.intake.webhook import parse
from receiver.store.records import Known
from tests.receiver.webhooks import START, alert, body

OVER = Known(resolved={"aa": START})
BURNING = Known(firing={"aa": START})


@pytest.mark.parametrize(
    ("status", "minute", "known", "stale", "news"),
    [
        ("firing", 0, Known(), False, True),
        ("resolved", 0, Known(), False, True),
        ("firing", 0, BURNING, False, False),
        ("resolved", 0, BURNING, False, True),
        ("firing", 5, BURNING, False, True),
        ("firing", 0, OVER, True, False),
        ("firing", -5, OVER, True, False),
        ("firing", 5, OVER, False, True),
        ("resolved", 0, OVER, False, False),
        ("resolved", 5, OVER, False, True),
    ],
)
def test_an_alert_is_news_stale_or_said_before(
    *, status: str, minute: int, known: Known, stale: bool, news: bool
) -> None:
    (said,) = parse(body([alert("aa", status, minute)])).alerts
    assert (known.is_stale(said), known.is_news(said)) == (stale, news)


def test_what_is_known_of_one_fingerprint_says_nothing_of_another() -> None:
    (said,) = parse(body([alert("bb", minute=-5)])).alerts
    assert OVER.is_news(said)
    assert not Known(firing={"aa": START + timedelta(1)}).is_stale(said)
