import pytest

from receiver.channels.webhook import harmless


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("@all down", "{AT}all down"),
        ("@Everyone", "{AT}Everyone"),
        ("<!channel>", "{LESS}!channel>"),
        ("<@U012>", "{LESS}@U012>"),
        ('<at user_id="all">', '{LESS}at user_id="all">'),
        ("@13800000000", "{AT}13800000000"),
        ("@所有人", "{AT}所有人"),
    ],
)
def test_a_call_to_people_is_broken_up(text: str, broken: str) -> None:
    wide = {"AT": "\N{FULLWIDTH COMMERCIAL AT}", "LESS": "\N{FULLWIDTH LESS-THAN SIGN}"}
    assert harmless(text) == broken.format(**wide)


@pytest.mark.parametrize("text", ["ops@example.com", "a < b", "load@5m", "@allocations", "x<5"])
def test_what_calls_nobody_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text
