import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession, web
from pydantic import ValidationError

from receiver.channels.blocks import payload_of
from receiver.channels.posting import Answer
from receiver.channels.slack import Slack, classify
from receiver.model import Handles, Language, SendError, Status
from tests.fakes.alerts import make_message
from tests.fakes.slack import FakeSlack, refuse_message

SecretFile = Callable[[str, str], str]


@pytest.fixture
def hook(slack: FakeSlack, secret_file: SecretFile) -> Slack:
    return Slack.model_validate({"type": "slack", "url_file": secret_file("hook", slack.hook)})


@pytest.fixture
def bot(slack: FakeSlack, secret_file: SecretFile) -> Slack:
    token = secret_file("token", slack.token)
    config = {"type": "slack", "token_file": token, "channel": "#ops", "api_url": slack.api}
    return Slack.model_validate(config)


async def test_a_webhook_gets_a_header_and_colored_sections(
    hook: Slack, slack: FakeSlack, http: ClientSession
) -> None:
    await hook.send(make_message("*bold* &amp; more"), http)
    title = make_message().title
    assert slack.messages == [
        {
            "text": title,
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": title, "emoji": True}}
            ],
            "attachments": [
                {
                    "color": "#d32f2f",
                    "blocks": [
                        {
                            "type": "section",
                            "text": {
                                "type": "mrkdwn",
                                "text": "*bold* &amp; more",
                                "verbatim": True,
                            },
                        }
                    ],
                }
            ],
        }
    ]


async def test_a_bot_posts_to_its_channel_with_its_token(
    bot: Slack, slack: FakeSlack, http: ClientSession
) -> None:
    await bot.send(make_message(status=Status.RESOLVED), http)
    (request,) = slack.seen
    assert request.path == "/api/chat.postMessage"
    assert slack.messages[0]["channel"] == "#ops"
    assert slack.messages[0]["attachments"][0]["color"] == "#388e3c"


@pytest.mark.parametrize(
    ("word", "reason", "permanent"),
    [
        ("invalid_auth", "auth", False),
        ("token_revoked", "auth", False),
        ("no_service", "auth", False),
        ("channel_not_found", "gone", False),
        ("is_archived", "gone", False),
        ("restricted_action", "forbidden", False),
        ("action_prohibited", "forbidden", False),
        ("invalid_blocks", "rejected", True),
        ("msg_blocks_too_long", "too_long", True),
        ("internal_error", "server", False),
        ("fatal_error", "server", False),
        ("ratelimited", "throttled", False),
    ],
)
async def test_the_words_of_slack_are_classified_for_webhook_and_bot_alike(
    *,
    word: str,
    reason: str,
    permanent: bool,
    hook: Slack,
    bot: Slack,
    slack: FakeSlack,
    http: ClientSession,
) -> None:
    for channel in (hook, bot):
        slack.words.append(word)
        with pytest.raises(SendError) as caught:
            await channel.send(make_message(), http)
        assert (caught.value.reason, caught.value.permanent) == (reason, permanent)
        assert caught.value.detail == f"Slack answers {word}"


async def test_an_incident_has_one_message_that_is_kept_up_to_date_and_a_reply_for_each_change(
    bot: Slack, slack: FakeSlack, http: ClientSession
) -> None:
    place = await bot.send(make_message("it burns"), http)
    assert place == "C0123456789 1700000000.000000"
    assert await bot.send(make_message("more burns", place=place), http) == place
    over = make_message("it is over", status=Status.RESOLVED, place=place)
    assert await bot.send(over, http) == place
    root, more, last = slack.standing.values()
    assert "it is over" in str(root)
    assert root["attachments"][0]["color"] == "#388e3c"
    for reply, words, shown in ((more, "more burns", True), (last, "it is over", False)):
        assert words in str(reply)
        assert reply["thread_ts"] == "1700000000.000000"
        assert reply["reply_broadcast"] is shown, "what fires is shown in the channel too"


@pytest.mark.parametrize("word", ["message_not_found", "edit_window_closed", "cant_update_message"])
async def test_where_a_message_cannot_be_changed_a_new_one_takes_its_place(
    bot: Slack, slack: FakeSlack, http: ClientSession, word: str
) -> None:
    place = await bot.send(make_message("it burns"), http)
    slack.words.append(word)
    again = await bot.send(make_message("it is over", place=place or ""), http)
    assert again == "C0123456789 1700000000.000001"
    assert "thread_ts" not in slack.messages[-1]


async def test_a_change_that_fails_otherwise_is_tried_again(
    bot: Slack, slack: FakeSlack, http: ClientSession
) -> None:
    place = await bot.send(make_message("it burns"), http)
    slack.words.append("internal_error")
    with pytest.raises(SendError, match="internal_error"):
        await bot.send(make_message("it is over", place=place or ""), http)
    assert len(slack.messages) == 1


async def test_a_picture_is_uploaded_into_the_thread_of_its_message(
    bot: Slack, hook: Slack, slack: FakeSlack, http: ClientSession
) -> None:
    assert (bot.attaches, hook.attaches) == (True, False)
    place = await bot.send(make_message("it burns"), http)
    await bot.illustrate(make_message(place=place or "", picture=b"\x89PNG"), http)
    assert slack.pictures == [("1700000000.000000", b"\x89PNG")]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [("missing_scope", "auth"), (500, "server"), ("file_uploads_disabled", "unknown")],
)
async def test_a_picture_that_is_not_taken_is_an_error_by_its_name(
    bot: Slack, slack: FakeSlack, http: ClientSession, trouble: str | int, reason: str
) -> None:
    place = await bot.send(make_message("it burns"), http)
    if isinstance(trouble, int):
        slack.next.append(trouble)
    else:
        slack.words.append(trouble)
    with pytest.raises(SendError) as caught:
        await bot.illustrate(make_message(place=place or "", picture=b"\x89PNG"), http)
    assert caught.value.reason == reason
    assert not slack.pictures


async def test_who_is_asked_by_name_is_called_where_all_see_it(
    bot: Slack, slack: FakeSlack, http: ClientSession
) -> None:
    asked = (Handles(slack="UADA"),)
    place = await bot.send(make_message("it burns"), http) or ""
    again = make_message("it burns", act="escalate", brief="Ada?", asked=asked, place=place)
    await bot.send(again, http)
    await bot.send(make_message("over", status=Status.RESOLVED, asked=asked, place=place), http)
    root, reply, over = slack.standing.values()
    assert ["<@UADA>" in str(each) for each in (root, reply, over)] == [False, True, False]
    assert reply["reply_broadcast"] is True


async def test_a_webhook_is_never_told_where_its_message_is(
    hook: Slack, bot: Slack, http: ClientSession
) -> None:
    assert await hook.send(make_message("it burns"), http) is None
    assert (hook.changes, bot.changes) == (False, True)


async def test_a_word_that_nobody_knows_is_tried_again(
    bot: Slack, slack: FakeSlack, http: ClientSession
) -> None:
    slack.words.append("brand_new_error")
    with pytest.raises(SendError) as caught:
        await bot.send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == ("unknown", False)


async def test_the_second_message_within_the_burst_waits_as_long_as_slack_says(
    bot: Slack, slack: FakeSlack, http: ClientSession
) -> None:
    slack.burst = 1
    await bot.send(make_message(), http)
    with pytest.raises(SendError) as caught:
        await bot.send(make_message(), http)
    assert (caught.value.reason, caught.value.retry_after) == ("throttled", 7.0)


def test_a_limit_without_a_time_waits_half_a_minute() -> None:
    error = classify(Answer(200, "", None), "ratelimited")
    assert error.retry_after == 30


@pytest.mark.parametrize("text", ["OK", "ok\n", "", '{"ok": true}', "<html>ok</html>"])
async def test_a_webhook_says_yes_by_ok_alone(
    text: str,
    hook: Slack,
    slack: FakeSlack,
    http: ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def reply(_: web.Request) -> web.Response:
        return web.Response(text=text)

    monkeypatch.setattr(slack, "reply", reply)
    with pytest.raises(SendError) as caught:
        await hook.send(make_message(), http)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "body",
    ["x" * 100_000, "line\n" * 10_000, "严重告警\n" * 10_000, "🔴" * 3_000, "", "\n\n"],
    ids=["one line", "lines", "chinese", "emoji", "empty", "blank"],
)
def test_every_body_fits_into_slacks_limits(body: str) -> None:
    message = payload_of(make_message(body, title="🔴" * 500), Language.EN)
    assert refuse_message(message) == ""


def test_a_long_body_says_how_many_lines_are_left_out() -> None:
    message = payload_of(make_message("twelve chars\n" * 3_000), Language.EN)
    last = message["attachments"][0]["blocks"][-1]["text"]["text"]
    note = last.split("\n")[-1]
    kept = json.dumps(message).count("twelve chars")
    assert note == f"… {3_001 - kept} more lines left out"


def test_a_title_cannot_call_anyone() -> None:
    message = payload_of(make_message(title="<!channel> & <@U1>"), Language.EN)
    assert message["text"] == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert "<" not in message["blocks"][0]["text"]["text"]


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({}, "write either url_file or token_file with channel"),
        ({"url_file": "u", "token_file": "t", "channel": "#x"}, "write either url_file or"),
        ({"token_file": "t"}, "channel is missing; write where the bot posts, like '#ops'"),
        ({"token_file": "u", "channel": "#x"}, "token_file holds a URL; a webhook's stands in"),
        ({"url_file": "u", "channel": "#x"}, "channel belongs to token_file"),
        ({"token_file": "t", "channel": "#x", "api_url": "slack.com"}, "not a URL that starts"),
        ({"url_file": "u", "colour": "red"}, "Extra inputs are not permitted"),
    ],
)
def test_a_bad_configuration_is_refused(
    config: dict[str, Any], problem: str, secret_file: SecretFile
) -> None:
    files = {"u": secret_file("u", "https://hooks.example.com/x"), "t": secret_file("t", "xoxb")}
    named = {k: files.get(v, v) if k.endswith("_file") else v for k, v in config.items()}
    with pytest.raises(ValidationError) as caught:
        Slack.model_validate({"type": "slack", **named})
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("scopes", "missing"),
    [
        ("chat:write,files:write", ""),
        ("identify, bot", ""),
        ("", ""),
        ("chat:write", "the token lacks files:write (for pictures); add it to the app"),
        ("channels:read", "lacks chat:write (for every message) and files:write (for pictures)"),
    ],
)
async def test_doctor_names_the_scopes_that_a_token_lacks(
    bot: Slack, slack: FakeSlack, http: ClientSession, scopes: str, missing: str
) -> None:
    slack.scopes = scopes
    asked = bot.examine(http)
    if not missing:
        assert "is known to Slack" in await asked
        return
    with pytest.raises(SendError, match=re.escape(missing)):
        await asked
