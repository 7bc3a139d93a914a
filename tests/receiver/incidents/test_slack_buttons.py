"""Buttons in Slack: who may, takes the incident, and everybody sees it; others are told why not."""

import time
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr

from receiver.channels.slack import Slack
from receiver.web.slack import is_signed
from tests.fakes.slack import FakeSlack
from tests.receiver.incidents.kit import audited, click, counted, tell, until

# Slack's own example, docs.slack.dev, verifying requests from Slack.
PUBLISHED = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
    b"%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)


@pytest.fixture
async def shown(http: ClientSession, url: str, slack: FakeSlack) -> str:
    """Tell of an incident, and wait for its message."""
    await tell(http, url)
    await until(lambda: bool(slack.standing))
    return url


async def test_a_click_takes_the_incident_and_everybody_sees_it(
    http: ClientSession, shown: str, slack: FakeSlack
) -> None:
    assert slack.buttons() == ["acknowledge"]  # without an Alertmanager nothing can be silenced
    assert await click(http, shown, slack, "acknowledge", "UADA") == 200
    await until(lambda: len(slack.messages) == 2)
    root, reply = slack.standing["1700000000.000000"], slack.messages[1]
    assert reply["thread_ts"] == "1700000000.000000"
    assert not reply.get("reply_broadcast")
    assert "*Ada* has taken this" in slack.texts[1]
    assert "web-2" not in slack.texts[1].partition("\n")[2]
    assert "Acknowledged" in root["text"]
    assert slack.buttons() == []
    assert ("Ada", "acknowledge", "incident 1", "done") in await audited(http, shown)
    assert await counted(http, shown, "acknowledge", "done") == 1


async def test_what_comes_later_still_says_who_has_it(
    http: ClientSession, shown: str, slack: FakeSlack
) -> None:
    await click(http, shown, slack, "acknowledge", "UADA")
    await until(lambda: len(slack.messages) == 2)
    await tell(http, shown, "resolved")
    await until(lambda: len(slack.messages) == 3)
    assert "*Acknowledged:* Ada" in slack.texts[2]
    await click(http, shown, slack, "acknowledge", "UBOB")
    assert slack.whispers == [("UBOB", "It is over already.")]
    assert slack.buttons() == ["useful", "noise", "late"]
    await click(http, shown, slack, "noise", "UADA")
    assert slack.whispers[1:] == [("UADA", "Done.")]
    assert len(slack.messages) == 3  # nobody else is told


async def test_whoever_clicks_second_is_told_who_was_first(
    http: ClientSession, shown: str, slack: FakeSlack
) -> None:
    await click(http, shown, slack, "acknowledge", "UADA")
    await click(http, shown, slack, "acknowledge", "UBOB")
    assert slack.whispers == [("UBOB", "Already done by Ada.")]


@pytest.mark.parametrize(
    ("user", "verb", "said", "reason"),
    [
        ("UMALLORY", "acknowledge", "does not know you", "stranger"),
        ("UEVE", "acknowledge", "needs the role operate", "role"),
        ("UADA", "explode", "no such action", "unknown_verb"),
    ],
)
async def test_who_may_not_is_told_why_and_it_is_in_the_audit(
    http: ClientSession,
    shown: str,
    slack: FakeSlack,
    user: str,
    verb: str,
    said: str,
    reason: str,
) -> None:
    assert await click(http, shown, slack, verb, user) == 200
    ((told, text),) = slack.whispers
    assert told == user
    assert said in text
    assert [detail for *_, detail in await audited(http, shown)] == [f"refused: {reason}"]
    known = verb if verb == "acknowledge" else "unknown"
    assert await counted(http, shown, known, "refused") == 1
    assert len(slack.messages) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda slack, body: slack.sign(body, int(time.time()) - 301),
        lambda slack, body: slack.sign(body, int(time.time()) + 301),
        lambda slack, body: slack.sign(body + b"x", int(time.time())),
        lambda *_: {},
        lambda slack, body: slack.sign(body, int(time.time())) | {"X-Slack-Request-Timestamp": "٣"},
        lambda slack, body: slack.sign(body, int(time.time())) | {"X-Slack-Signature": "v0=é"},
    ],
)
async def test_what_slack_did_not_sign_just_now_does_nothing(
    http: ClientSession, shown: str, slack: FakeSlack, spoil: Any
) -> None:
    raw, _ = slack.click("acknowledge", "UADA")
    headers = {"Content-Type": "application/x-www-form-urlencoded"} | spoil(slack, raw)
    async with http.post(f"{shown}/slack/actions", data=raw, headers=headers) as answer:
        assert answer.status == 403
    assert await audited(http, shown) == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"type": "view_submission"}, 200),
        ({"actions": [{"block_id": "another app's", "action_id": "acknowledge"}]}, 200),
        ({"incident": 2}, 200),
        ({"incident": "-1"}, 400),
        ({"incident": "x"}, 400),
        ({"incident": 10**30}, 400),
        ({"container": None}, 400),
        ({"actions": None}, 400),
        ({"actions": ["x"]}, 400),
    ],
)
async def test_what_is_signed_and_no_click_of_ours_does_nothing_either(
    http: ClientSession, shown: str, slack: FakeSlack, changes: dict[str, Any], status: int
) -> None:
    assert await click(http, shown, slack, "acknowledge", "UADA", **changes) == status
    assert all(row[3].startswith("refused") for row in await audited(http, shown))


async def test_a_large_body_is_refused(http: ClientSession, shown: str) -> None:
    async with http.post(f"{shown}/slack/actions", data=b"x" * 300_000) as answer:
        assert answer.status == 413


def test_slack_s_own_example_is_signed_right(
    slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Slack.model_construct(type="slack", signing=SecretStr(slack.signing))
    headers = {
        "X-Slack-Request-Timestamp": "1531420618",
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    monkeypatch.setattr(time, "time", lambda: 1531420618.0)
    assert is_signed(channel, headers, PUBLISHED)
    assert not is_signed(channel, headers, PUBLISHED + b"&")
