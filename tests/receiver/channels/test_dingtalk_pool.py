"""Several robots of one group: one takes over from another, and none is sent more than it takes."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.channels.dingtalk import DingTalk
from receiver.model import Pace, SendError
from tests.fakes.alerts import make_message
from tests.fakes.dingtalk import FakeDingTalk

SecretFile = Callable[[str, str], str]
Pool = tuple[DingTalk, list[FakeDingTalk]]


@pytest.fixture
async def pool(secret_file: SecretFile) -> AsyncIterator[Pool]:
    """Return a channel of three robots, which share a group but neither token nor secret."""
    async with AsyncExitStack() as stack:
        fakes = [
            await stack.enter_async_context(FakeDingTalk(token=f"{n}" * 64, secret=f"SEC{n}"))
            for n in range(3)
        ]
        robots = [
            {
                "url_file": secret_file(f"url{n}", fake.url),
                "secret_file": secret_file(f"secret{n}", fake.secret),
            }
            for n, fake in enumerate(fakes)
        ]
        config: dict[str, Any] = {"type": "dingtalk", **robots[0], "overflow": robots[1:]}
        yield DingTalk.model_validate(config), fakes


async def test_robots_take_turns_and_may_send_together_what_each_may(
    pool: Pool, http: ClientSession
) -> None:
    channel, fakes = pool
    for _ in range(6):
        await channel.send(make_message(), http)
    assert [len(fake.messages) for fake in fakes] == [2, 2, 2]
    assert channel.rule == Pace(60, 60)


async def test_where_one_is_shut_out_the_next_takes_the_same_message_at_once(
    pool: Pool, http: ClientSession
) -> None:
    channel, fakes = pool
    fakes[0]._shut_until = fakes[1]._shut_until = time.time() + 600
    for _ in range(4):
        await channel.send(make_message(), http)
    assert [len(fake.messages) for fake in fakes] == [0, 0, 4]
    assert [fake.errors for fake in fakes] == [[410100], [410100], []]


async def test_those_left_are_not_driven_into_a_penalty_themselves(
    pool: Pool, http: ClientSession
) -> None:
    channel, fakes = pool
    fakes[0]._shut_until = fakes[1]._shut_until = time.time() + 600
    for _ in range(19):
        await channel.send(make_message(), http)
    with pytest.raises(SendError) as caught:
        await channel.send(make_message(), http)
    assert caught.value.reason == "throttled"
    assert 0 < (caught.value.retry_after or 0) <= 60
    assert fakes[2].errors == []


async def test_where_all_are_shut_out_it_waits_for_the_first(
    pool: Pool, http: ClientSession
) -> None:
    channel, fakes = pool
    for fake in fakes:
        fake._shut_until = time.time() + 600
    with pytest.raises(SendError) as caught:
        await channel.send(make_message(), http)
    assert caught.value.reason == "throttled"
    assert 590 < (caught.value.retry_after or 0) <= 600
    with pytest.raises(SendError):
        await channel.send(make_message(), http)
    assert [len(fake.errors) for fake in fakes] == [1, 1, 1]


async def test_a_robot_that_somebody_removed_is_passed_over_and_named_by_doctor(
    pool: Pool, http: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    channel, fakes = pool
    fakes[0].token = "gone"
    await channel.send(make_message(), http)
    assert [len(fake.messages) for fake in fakes] == [0, 1, 0]
    assert "robot 1 of 3 rests: auth: the access token is unknown" in caplog.text
    with pytest.raises(SendError, match="the access token is unknown"):
        await channel.examine(http)


async def test_a_message_that_may_have_arrived_is_not_sent_by_another(
    pool: Pool, http: ClientSession
) -> None:
    channel, fakes = pool
    fakes[0].next.append("closes")
    with pytest.raises(SendError, match="unreachable"):
        await channel.send(make_message(), http)
    assert [fake.messages for fake in fakes] == [[], [], []]


async def test_a_refused_message_is_refused_once(pool: Pool, http: ClientSession) -> None:
    channel, fakes = pool
    with pytest.raises(SendError) as caught:
        await channel.send(make_message(title="", body=""), http)
    assert (caught.value.reason, caught.value.permanent) == ("rejected", True)
    assert [len(fake.errors) for fake in fakes] == [1, 0, 0]


def test_the_secrets_of_all_robots_are_known_and_they_are_one_destination(pool: Pool) -> None:
    channel, fakes = pool
    assert {fake.token for fake in fakes} | {fake.secret for fake in fakes} <= set(channel.secrets)
    alone = channel.model_copy(update={"overflow": ()})
    assert channel.destination != alone.destination


def test_one_robot_twice_is_refused(secret_file: SecretFile) -> None:
    url = secret_file("url", "https://oapi.dingtalk.com/robot/send?access_token=secret-token")
    with pytest.raises(ValidationError) as caught:
        DingTalk.model_validate(
            {"type": "dingtalk", "url_file": url, "overflow": [{"url_file": url}]}
        )
    assert "the same robot twice" in str(caught.value)
    assert "secret-token" not in str(caught.value)
