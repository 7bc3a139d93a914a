import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession

from receiver.channels.feishu import LONGEST_BODY, Feishu, diagnose, sign
from receiver.delivery.pace import bucket
from receiver.model import Handles, SendError, Status
from receiver.severity import SEVERITIES
from tests.fakes.alerts import make_message
from tests.fakes.feishu import FakeFeishu

Robot = Callable[..., Feishu]


@pytest.fixture
def robot(feishu: FakeFeishu, secret_file: Callable[[str, str], str]) -> Robot:
    """Return a maker of channels for the fake robot."""

    def make(**more: Any) -> Feishu:
        config = {
            "type": "feishu",
            "url_file": secret_file("url", feishu.url),
            "secret_file": secret_file("secret", feishu.secret),
        }
        return Feishu.model_validate(config | more)

    return make


def test_the_signature_is_the_known_one() -> None:
    assert sign("feishusecret", 1700000000) == "5Wc8F8b2vZlNjoVFpK6BAaovMobglP4Rm1FzmEq/rCU="


@pytest.mark.parametrize(
    ("severity", "status", "color"),
    [
        ("critical", Status.FIRING, "red"),
        ("error", Status.FIRING, "orange"),
        ("warning", Status.FIRING, "yellow"),
        ("info", Status.FIRING, "blue"),
        ("none", Status.FIRING, "grey"),
        ("critical", Status.RESOLVED, "green"),
    ],
)
async def test_a_card_has_the_title_and_the_colour_of_what_it_says(
    *,
    severity: str,
    status: Status,
    color: str,
    robot: Robot,
    feishu: FakeFeishu,
    http: ClientSession,
) -> None:
    await robot().send(make_message(severity=SEVERITIES[severity], status=status), http)
    (card,) = feishu.cards
    assert card["header"]["template"] == color
    assert card["header"]["title"]["content"] == make_message().title
    assert card["elements"][0]["content"] == "the body"


@pytest.mark.parametrize(
    ("setting", "reason", "diagnosis"),
    [
        ({"secret": "other"}, "auth", "check `secret_file`"),
        ({"clock": lambda: time.time() + 7200}, "auth", "set it by NTP"),
        ({"keywords": ("告警",)}, "keyword", "set `keyword`"),
        ({"addresses": ("192.0.2.1",)}, "address", "not in the robot's list"),
    ],
    ids=["secret", "clock", "keyword", "address"],
)
async def test_a_refusal_that_a_person_can_mend_is_diagnosed_in_words_and_not_the_end(
    *,
    setting: dict[str, Any],
    reason: str,
    diagnosis: str,
    robot: Robot,
    feishu: FakeFeishu,
    http: ClientSession,
) -> None:
    channel = robot()
    for name, value in setting.items():
        setattr(feishu, name, value)
    with pytest.raises(SendError) as caught:
        await channel.send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == (reason, False)
    assert diagnosis in caught.value.detail
    assert feishu.cards == []


@pytest.mark.parametrize(
    ("code", "said", "reason", "permanent", "retry_after"),
    [
        (9499, "Bad Request", "rejected", True, None),
        (9499, "too many request", "throttled", False, 60),
        (11232, "frequency limited", "throttled", False, 60),
        (19001, "param invalid", "gone", False, None),
        (19002, "params error, msg_type need", "rejected", True, None),
        (12345, "who knows", "unknown", False, None),
    ],
)
def test_every_code_of_the_table_is_classified(
    *, code: int, said: str, reason: str, permanent: bool, retry_after: float | None
) -> None:
    fault = diagnose(code, said)
    assert (fault.reason, fault.permanent, fault.retry_after) == (reason, permanent, retry_after)


async def test_the_sixth_message_of_a_second_is_throttled(
    robot: Robot, feishu: FakeFeishu, http: ClientSession
) -> None:
    now = time.time()
    feishu.clock = lambda: now
    channel = robot()
    for _ in range(5):
        await channel.send(make_message(), http)
    with pytest.raises(SendError) as caught:
        await channel.send(make_message(), http)
    assert (caught.value.reason, caught.value.retry_after) == ("throttled", 60)


def test_its_pace_keeps_the_rule_of_a_second_and_that_of_a_minute() -> None:
    assert Feishu.limit is not None
    full = bucket(Feishu.limit)
    assert int(full.burst + full.rate * 1) <= 5
    assert int(full.burst + full.rate * 60) <= 100


async def test_a_keyword_is_added_where_it_is_missing(
    robot: Robot, feishu: FakeFeishu, http: ClientSession
) -> None:
    feishu.keywords = ("监控",)
    await robot(keyword="监控").send(make_message("plain"), http)
    (card,) = feishu.cards
    assert card["header"]["title"]["content"] == f"监控 {make_message().title}"
    assert feishu.texts == ["plain\n\n监控"]


async def test_people_are_called_by_severity_while_the_alert_fires(
    robot: Robot, feishu: FakeFeishu, http: ClientSession
) -> None:
    channel = robot(mention={"critical": ["all", "ou_1234"]})
    await channel.send(make_message(), http)
    await channel.send(make_message(status=Status.RESOLVED), http)
    first, second = feishu.texts
    assert first == "the body\n\n<at id=all></at><at id=ou_1234></at>"
    assert second == "the body"


async def test_links_are_buttons_in_place_of_the_line_of_links(
    robot: Robot, feishu: FakeFeishu, http: ClientSession
) -> None:
    links = (("Handle as Li", "https://tocsin.example.com/act/7?a&b"), ("Runbook", "https://x.cn"))
    line = " · ".join(f"[{words}]({url})" for words, url in reversed(links))
    await robot().send(make_message(f"the text\n\n{line}", links=links), http)
    text, buttons = feishu.cards[0]["elements"]
    assert text["content"] == "the text"
    shown = [(button["text"]["content"], button["url"]) for button in buttons["actions"]]
    assert shown == list(links)


async def test_a_long_body_loses_whole_lines_and_says_how_many(
    robot: Robot, feishu: FakeFeishu, http: ClientSession
) -> None:
    await robot(language="zh").send(make_message("一行十分严重的告警文字🔴\n" * 3_000), http)
    (request,) = feishu.seen
    assert LONGEST_BODY - 200 < int(request.headers["Content-Length"]) <= LONGEST_BODY
    *lines, _, note = feishu.texts[0].split("\n")
    assert set(lines) == {"一行十分严重的告警文字🔴"}
    assert note == f"……其余 {3_001 - len(lines)} 行未显示"


async def test_what_would_be_posted_can_be_told_before(
    robot: Robot, feishu: FakeFeishu, http: ClientSession
) -> None:
    channel = robot(mention={"critical": ["all"]}, keyword="监控")
    message = make_message("text\n" * 9_000, links=(("Inbox", "https://tocsin.example.com"),))
    await channel.send(message, http)
    draft = channel.draft(message)
    assert draft.title == f"监控 {message.title}"
    assert draft.lines == f"{feishu.texts[0]}\n\n[Inbox]"
    assert "<at id=all></at>" in draft.text


async def test_who_is_asked_by_name_is_called(
    robot: Robot, feishu: FakeFeishu, http: ClientSession
) -> None:
    asked = (
        Handles(name="Ada", feishu="ou_7d8a6e6d"),
        Handles(name="Bob", mobile="+8613800000000"),
    )
    await robot().send(make_message(act="escalate", asked=asked), http)
    await robot().send(make_message(act="acknowledge", asked=asked), http)
    asking, told = feishu.texts
    assert asking.endswith("\n\n<at id=ou_7d8a6e6d></at>")
    assert "<at" not in told
