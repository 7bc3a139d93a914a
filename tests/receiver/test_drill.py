import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

from receiver import app, config, drill
from receiver.intake.webhook import parse
from receiver.model import ConfigError
from receiver.store.store import Store
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.pagerduty import FakePagerDuty

SendTest = Callable[..., Any]


@pytest.fixture
def file(
    tmp_path: Path,
    dingtalk: FakeDingTalk,
    secret_file: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A configuration of a robot, of which one message an hour is wanted, and of an inbox."""
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    ops = {
        "type": "dingtalk",
        "url_file": secret_file("url", dingtalk.url),
        "secret_file": secret_file("secret", dingtalk.secret),
        "pace": "1/1h",
    }
    channels = {"ops": ops, "inbox": {"type": "inbox"}}
    path = tmp_path / "receiver.yml"
    path.write_text(
        yaml.safe_dump({"listen": "127.0.0.1:0", "channels": channels}, sort_keys=False)
    )
    return path


def unpace(file: Path) -> None:
    file.write_text(file.read_text().replace("1/1h", "1000/1s"))


@pytest.fixture
def send(file: Path, capsys: pytest.CaptureFixture[str]) -> SendTest:
    async def run(
        *channel: str, severity: str = "info", resolved: bool = False
    ) -> tuple[int, list[str]]:
        told = argparse.Namespace(
            config=file, channel=channel, severity=severity, resolved=resolved
        )
        return await drill.run(told, app.client), capsys.readouterr().out.splitlines()

    return run


async def test_a_test_that_says_that_it_is_one_goes_by_every_channel(
    send: SendTest, dingtalk: FakeDingTalk
) -> None:
    assert await send(severity="critical") == (
        0,
        [
            "ops: ok, took a test message",
            "inbox: ok; it sends nothing, and shows what is routed to it",
        ],
    )
    (said,) = dingtalk.messages
    assert said["markdown"]["title"] == "TEST [🔴 Critical] TocsinTest"
    assert "This is a test of Tocsin. Nothing is wrong" in said["markdown"]["text"]
    assert "example.com" not in said["markdown"]["text"]


@pytest.fixture
def paged(file: Path, pagerduty: FakePagerDuty, secret_file: Any) -> FakePagerDuty:
    pager = {"type": "pagerduty", "key_file": secret_file("key", pagerduty.key)}
    pager["url"] = f"{pagerduty.base}/v2/enqueue"
    file.write_text(yaml.safe_dump({"listen": "127.0.0.1:0", "channels": {"pd": pager}}))
    return pagerduty


async def test_a_test_opens_nothing_that_stays_open(paged: FakePagerDuty, send: SendTest) -> None:
    assert await send(severity="critical") == (0, ["pd: ok, took a test message"])
    assert [each["event_action"] for each in paged.events] == ["trigger", "resolve"]
    assert paged.open == set()


async def test_what_is_refused_is_said_in_words_without_the_secret(
    send: SendTest, dingtalk: FakeDingTalk
) -> None:
    dingtalk.keywords = ("告警",)
    status, lines = await send("ops", resolved=True)
    assert status == 1
    assert lines[0].startswith("ops: keyword: none of the robot's keywords")
    assert dingtalk.token not in lines[0]


async def test_a_channel_that_is_none_is_named_with_those_there_are(send: SendTest) -> None:
    with pytest.raises(ConfigError, match="no channel is named 'opps'; there are ops, inbox"):
        await send("opps")


@pytest.fixture
async def running(file: Path) -> AsyncIterator[str]:
    async with app.running(config.load(file)) as url:
        yield url


async def post(http: ClientSession, url: str, **more: Any) -> tuple[int, dict[str, Any]]:
    async with http.post(url, **more) as answer:
        return answer.status, await answer.json()


async def test_tests_keep_the_pace_of_the_channel_wherever_they_come_from(
    running: str, http: ClientSession, send: SendTest, dingtalk: FakeDingTalk
) -> None:
    url = f"{running}/api/v1/channels/ops/test"
    assert await post(http, url, json={"severity": "high"}) == (
        200,
        {"channel": "ops", "outcome": "sent"},
    )
    status, said = await post(http, url)
    assert (status, said["reason"]) == (502, "paced")
    assert "the channel's own pace has no room until" in said["detail"]
    status, lines = await send("ops")
    assert (status, lines[0].partition(" until")[0]) == (
        1,
        "ops: paced: the channel's own pace has no room",
    )
    assert len(dingtalk.messages) == 1
    async with http.get(f"{running}/api/v1/audit") as answer:
        told = [(one["action"], one["subject"]) for one in (await answer.json())["changes"]]
    assert told == [("test", "channel ops")] * 2


async def test_a_test_waits_for_the_message_under_way(
    file: Path, http: ClientSession, dingtalk: FakeDingTalk
) -> None:
    unpace(file)
    async with app.running(config.load(file)) as url:
        dingtalk.next.append("hangs")
        both = [
            asyncio.create_task(post(http, f"{url}/api/v1/channels/ops/test")) for _ in range(2)
        ]
        async with asyncio.timeout(10):
            while not dingtalk.seen:  # noqa: ASYNC110 -- the other side tells no event
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert len(dingtalk.seen) == 1
        dingtalk.released.set()
        assert [status for status, _ in await asyncio.gather(*both)] != [200, 200]
    assert len(dingtalk.seen) == 2


@pytest.mark.parametrize(
    ("name", "more", "status", "said"),
    [
        ("none", {}, 404, "no channel is named 'none'; there are ops, inbox"),
        ("ops", {"json": {"severity": "loud"}}, 400, "no severity 'loud'; write critical, high"),
        ("ops", {"json": {"sevrity": "info"}}, 400, "unknown key; known here: severity, resolved"),
        ("ops", {"data": "not JSON"}, 415, "application/json is expected"),
        ("ops", {"headers": {"Origin": "https://elsewhere.example.com"}}, 403, "needs a token"),
    ],
)
async def test_what_cannot_be_tested_is_refused_in_words(
    running: str, http: ClientSession, name: str, more: Any, status: int, said: str
) -> None:
    answer = await post(http, f"{running}/api/v1/channels/{name}/test", **more)
    assert answer[0] == status
    assert said in answer[1]["detail"]


async def test_a_mended_channel_that_took_a_test_rests_no_longer(
    file: Path, send: SendTest, dingtalk: FakeDingTalk
) -> None:
    unpace(file)
    settings = config.load(file)
    assert isinstance(settings.database, Path)
    store = await Store.open(settings.database, parse)
    try:
        dingtalk.token, right = "another", dingtalk.token
        assert (await send("ops"))[0] == 1
        dingtalk.token = right
        assert (await send("ops"))[0] == 0
    finally:
        await store.close()
