"""The form for a silence is filled in with what all alerts share, whatever labels say."""

from urllib.parse import unquote, urlsplit

import pytest

from receiver.messages.links import links_of
from tests.fakes.alerts import make_alert

ALERTMANAGER = "https://am.example.com/alertmanager/"


def silence(alertmanager: str = ALERTMANAGER, **labels: str) -> str:
    return dict(links_of([make_alert()], labels, alertmanager, ("inbox", ""), "")).get(
        "silence", ""
    )


def test_the_form_is_filled_in_as_alertmanager_reads_matchers() -> None:
    link = urlsplit(silence(alertname="Down", path='C:\\a "b"\n', region="华东"))
    assert link.geturl().startswith("https://am.example.com/alertmanager/#/silences/new?filter=")
    said = unquote(link.fragment.partition("filter=")[2])
    assert said == r'{alertname="Down", path="C:\\a \"b\"\n", region="华东"}'


@pytest.mark.parametrize(
    ("alertmanager", "labels"),
    [("", {"a": "b"}), (ALERTMANAGER, {}), ("javascript:alert(1)", {"a": "b"})],
    ids=["nowhere", "nothing in common", "no address of the web"],
)
def test_without_a_place_or_labels_there_is_none(alertmanager: str, labels: dict[str, str]) -> None:
    assert silence(alertmanager, **labels) == ""


def test_a_label_that_is_no_unicode_spoils_nothing() -> None:
    assert silence(alertname="\ud800").endswith("alertname%3D%22%3F%22%7D")


def test_one_that_would_be_too_long_is_left_out() -> None:
    assert silence(**{f"label{n}": "x" * 200 for n in range(12)}) == ""
