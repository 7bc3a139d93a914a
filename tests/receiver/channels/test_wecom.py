import time
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession

from receiver.channels.contract import Draft
from receiver.channels.wecom import WeCom
from receiver.model import Pace, SendError, Status
from tests.fakes.alerts import make_message
from tests.fakes.wecom import FakeWeCom

Robot = Callable[..., WeCom]


@pytest.fixture
def robot(wecom: FakeWeCom, secret_file: Callable[[str, str], str]) -> Robot:
    """Return a maker of channels for the fake robot."""

    def make(**more: Any) -> WeCom:
        config = {"type": "wecom", "url_file": secret_file("url", wecom.url)}
        return WeCom.model_validate(config | more)

    return make


async def test_a_message_is_markdown(robot: Robot, wecom: FakeWeCom, http: ClientSession) -> None:
    await robot().send(make_message("### title\n\nthe **body**"), http)
    assert wecom.messages == [
        {"msgtype": "markdown", "markdown": {"content": "### title\n\nthe **body**"}}
    ]


async def test_people_with_an_id_are_called_in_the_message_and_all_others_by_one_after_it(
    robot: Robot, wecom: FakeWeCom, http: ClientSession
) -> None:
    channel = robot(mention={"critical": ["all", "wangqing", "+86-13800001111"]})
    await channel.send(make_message(), http)
    markdown, text = wecom.messages
    assert markdown["markdown"]["content"] == "the body\n\n<@wangqing>"
    assert text["text"] == {
        "content": make_message().title,
        "mentioned_list": ["@all"],
        "mentioned_mobile_list": ["13800001111"],
    }


async def test_nobody_is_called_once_it_is_over(
    robot: Robot, wecom: FakeWeCom, http: ClientSession
) -> None:
    channel = robot(mention={"critical": ["all", "wangqing"]})
    await channel.send(make_message(status=Status.RESOLVED), http)
    assert wecom.texts == ["the body"]
    assert len(wecom.messages) == 1


def test_where_a_message_may_be_two_half_as_many_are_sent(robot: Robot) -> None:
    assert robot(mention={"critical": ["wangqing"]}).rule == Pace(20, 60)
    assert robot(mention={"critical": ["all"]}).rule == Pace(10, 60)
    assert robot(mention={"critical": ["all"]}, pace="5/1m").rule == Pace(5, 60)


async def test_what_would_be_posted_can_be_told_before(
    robot: Robot, wecom: FakeWeCom, http: ClientSession
) -> None:
    channel = robot(mention={"critical": ["all", "wangqing"]})
    message = make_message("一行十分严重的告警文字🔴\n" * 500)
    await channel.send(message, http)
    assert channel.draft(message) == Draft(message.title, f"{wecom.texts[0]}\n\n@all")


async def test_the_twenty_first_message_of_a_minute_is_throttled(
    robot: Robot, wecom: FakeWeCom, http: ClientSession
) -> None:
    now = time.time()
    wecom.clock = lambda: now
    for _ in range(20):
        await robot().send(make_message(), http)
    with pytest.raises(SendError) as caught:
        await robot().send(make_message(), http)
    assert (caught.value.reason, caught.value.retry_after) == ("throttled", 60)
    assert "more than 20 messages in a minute" in caught.value.detail


async def test_an_unknown_key_is_for_a_person_to_mend(
    robot: Robot, wecom: FakeWeCom, http: ClientSession
) -> None:
    channel = robot()
    wecom.key = "other"
    with pytest.raises(SendError, match="no robot has this address") as caught:
        await channel.send(make_message(), http)
    assert not caught.value.permanent


async def test_a_long_text_in_chinese_is_cut_by_bytes_and_still_calls(
    robot: Robot, wecom: FakeWeCom, http: ClientSession
) -> None:
    channel = robot(language="zh", mention={"critical": ["wangqing"]})
    await channel.send(make_message("一行十分严重的告警文字🔴\n" * 500), http)
    (text,) = wecom.texts
    assert 4_000 < len(text.encode()) <= 4_096
    assert "行未显示" in text
    assert text.endswith("<@wangqing>")
