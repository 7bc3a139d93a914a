import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from receiver.channels.fitting import units
from receiver.channels.telegram import Telegram, shorten
from receiver.messages.markup import DIALECTS
from receiver.model import Handles, SendError, Status
from tests.fakes.alerts import make_message
from tests.fakes.telegram import TOKEN, FakeTelegram, read

Bot = Callable[..., Telegram]


@pytest.fixture
def bot(telegram: FakeTelegram, secret_file: Callable[[str, str], str]) -> Bot:
    """Return a maker of channels for the fake bot."""

    def make(**more: Any) -> Telegram:
        config = {
            "type": "telegram",
            "token_file": secret_file("token", TOKEN),
            "chat": -1001234567890,
            "api_url": telegram.base,
        }
        return Telegram.model_validate(config | more)

    return make


async def test_a_message_is_html_without_a_preview_and_silent_once_it_is_over(
    bot: Bot, telegram: FakeTelegram, http: ClientSession
) -> None:
    await bot(topic=7).send(make_message("<b>R&amp;D</b>"), http)
    await bot(chat="@ops_alerts").send(make_message(status=Status.RESOLVED), http)
    first, second = telegram.messages
    assert first == {
        "chat_id": "-1001234567890",
        "message_thread_id": 7,
        "text": "<b>R&amp;D</b>",
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": True},
        "disable_notification": False,
    }
    assert (second["chat_id"], second["disable_notification"]) == ("@ops_alerts", True)


async def test_a_picture_is_the_preview_of_its_address(
    bot: Bot, telegram: FakeTelegram, http: ClientSession
) -> None:
    await bot().send(make_message(link="https://tocsin.example.com/picture/4f"), http)
    assert telegram.messages[0]["link_preview_options"] == {
        "url": "https://tocsin.example.com/picture/4f",
        "prefer_large_media": True,
    }


LINKS = (
    ("Handle as Li & Co", "https://tocsin.example.com/act/7?who=li&seal=x"),
    ("Graph", "http://prometheus:9090/graph?a&b"),
    ("Inbox", "https://tocsin.example.com"),
)
LINE = " · ".join(DIALECTS["telegram"].link(url, words) for words, url in LINKS)


async def test_who_is_asked_by_name_is_called_also_where_the_text_is_cut(
    bot: Bot, telegram: FakeTelegram, http: ClientSession
) -> None:
    asked = (Handles(name="A <b>", telegram="123456789"), Handles(telegram="@bob_ops"), Handles())
    await bot().send(make_message("x\n" * 9_000, act="escalate", asked=asked), http)
    await bot().send(make_message(act="acknowledge", asked=asked), http)
    asking, told = telegram.messages
    assert asking["text"].endswith('\n\n<a href="tg://user?id=123456789">A &lt;b&gt;</a> @bob_ops')
    assert asking["disable_notification"] is False
    assert "tg://" not in told["text"]


async def test_links_are_buttons_but_for_those_that_telegram_refuses(
    bot: Bot, telegram: FakeTelegram, http: ClientSession
) -> None:
    await bot().send(make_message(f"the text\n\n{LINE}", links=LINKS), http)
    (sent,) = telegram.messages
    act, graph, inbox = LINKS
    rows = [[{"text": words, "url": url}] for words, url in (act, inbox)]
    assert sent["reply_markup"] == {"inline_keyboard": rows}
    words, url = graph
    assert sent["text"] == f"the text\n\n{DIALECTS['telegram'].link(url, words)}"


async def test_links_stay_in_the_text_where_a_button_is_refused(
    bot: Bot, telegram: FakeTelegram, http: ClientSession
) -> None:
    body = f"the text\n\n{LINE}"
    links = (*LINKS, ("Runbook", "https://wiki.corp.invalid/x"))
    await bot().send(make_message(body, links=links), http)
    (sent,) = telegram.messages
    assert sent["text"] == body
    assert "reply_markup" not in sent


@pytest.mark.parametrize(
    ("error", "reason", "permanent", "retry_after", "words"),
    [
        ((401, "Unauthorized", {}), "auth", False, None, "ask @BotFather"),
        ((404, "Not Found", {}), "auth", False, None, "no bot has this token"),
        ((403, "Forbidden: bot was blocked by the user", {}), "gone", False, None, "blocked"),
        ((400, "Bad Request: chat not found", {}), "gone", False, None, "check `chat`"),
        ((400, "Bad Request: message thread not found", {}), "gone", False, None, "`topic`"),
        (
            (400, "Bad Request: group chat was upgraded", {"migrate_to_chat_id": -100987}),
            *("gone", False, None, "write chat: -100987"),
        ),
        ((400, "Bad Request: message is too long", {}), "too_long", True, None, "4,096"),
        ((400, "Bad Request: can't parse entities", {}), "rejected", True, None, "cannot read"),
        (
            (429, "Too Many Requests: retry after 34", {"retry_after": 34}),
            *("throttled", False, 34, "too many messages"),
        ),
        ((502, "Bad Gateway", {}), "server", False, None, "Bad Gateway"),
    ],
)
async def test_every_error_is_classified_and_said_in_words(
    *,
    error: tuple[int, str, dict[str, int]],
    reason: str,
    permanent: bool,
    retry_after: float | None,
    words: str,
    bot: Bot,
    telegram: FakeTelegram,
    http: ClientSession,
) -> None:
    code, said, parameters = error
    telegram.errors.append({"error_code": code, "description": said, "parameters": parameters})
    with pytest.raises(SendError) as caught:
        await bot().send(make_message(), http)
    failed = caught.value
    assert (failed.reason, failed.permanent, failed.retry_after) == (reason, permanent, retry_after)
    assert words in failed.detail
    assert TOKEN not in failed.detail


async def test_the_twenty_first_message_of_a_minute_waits_as_long_as_telegram_says(
    bot: Bot, telegram: FakeTelegram, http: ClientSession
) -> None:
    now = time.time()
    telegram.clock = lambda: now
    for _ in range(20):
        await bot().send(make_message(), http)
    with pytest.raises(SendError) as caught:
        await bot().send(make_message(), http)
    assert (caught.value.reason, caught.value.retry_after) == ("throttled", 34)


async def test_it_can_be_asked_without_sending(
    bot: Bot, telegram: FakeTelegram, http: ClientSession
) -> None:
    assert "knows the chat" in await bot().examine(http)
    with pytest.raises(SendError, match="check `chat`"):
        await bot(chat="-1").examine(http)
    assert telegram.messages == []


async def test_what_is_counted_is_what_is_left_of_the_markup(
    bot: Bot, telegram: FakeTelegram, http: ClientSession
) -> None:
    line = f'<a href="https://example.com/{"x" * 400}">&lt;严重🔴&gt;</a>\n'
    await bot().send(make_message(line * 1_000), http)
    (text,) = telegram.texts
    assert 4_000 < units(text) <= 4_096


@given(
    st.lists(
        st.one_of(
            st.text(max_size=30).map(DIALECTS["telegram"].strong),
            st.text(max_size=900).map(DIALECTS["telegram"].escape),
            st.text(max_size=300).map(
                lambda text: DIALECTS["telegram"].link("https://a.example/?x=1&y=2" * 9, text)
            ),
        ),
        min_size=5,
        max_size=30,
    ).map("".join)
)
def test_a_line_that_is_cut_can_still_be_read(line: str) -> None:
    assert read(line).wrong == ""
    cut = shorten(line)
    assert read(cut).wrong == ""
    assert units(cut) <= 3_010


@pytest.mark.parametrize("chat", ["ops", "", "-12x", "@a b"])
def test_a_chat_is_a_number_or_a_name(bot: Bot, chat: str) -> None:
    with pytest.raises(ValidationError, match="chat"):
        bot(chat=chat)
