"""Kill -9 between 200 and send: what was accepted arrives after the restart."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.e2e.crashes import channels, crash
from tests.e2e.serving import Receiver, configure, receiver
from tests.fakes.certs import Certificates
from tests.fakes.slack import FakeSlack
from tests.receiver.webhooks import alert, body


@pytest.fixture
def config(tmp_path: Path, slack: FakeSlack, secret_file: Callable[[str, str], str]) -> Path:
    """A receiver that sends everything to Slack, so fast that nothing piles up into a digest."""
    url = secret_file("slack.url", slack.hook)
    chat = {"type": "slack", "url_file": url, "pace": "10000/1s"}
    return configure(tmp_path, channels={"chat": chat})


async def accept(http: ClientSession, running: Receiver, name: str) -> None:
    said = body([alert(name)], groupKey=name)
    headers = {"Content-Type": "application/json"}
    url = f"{running.url}/webhook/alertmanager"
    async with http.post(url, data=said, headers=headers) as answer:
        assert answer.status == 200, await answer.text()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 -- another process tells no event
            await asyncio.sleep(0.01)


def arrived(slack: FakeSlack) -> Counter[str]:
    """Count how often each alert's name stands in a title."""
    titles = [message["text"] for message in slack.messages]
    return Counter(title.rpartition(" ")[2] for title in titles)


async def test_a_message_that_was_not_sent_yet_arrives_after_a_crash(
    config: Path, slack: FakeSlack, http: ClientSession
) -> None:
    slack.next.append("hangs")
    async with receiver(config) as first:
        await accept(http, first, "web-1")
        await until(lambda: len(slack.seen) == 1)
        await first.kill()
    assert slack.messages == []
    async with receiver(config):
        await until(lambda: len(slack.messages) == 1)
    assert arrived(slack) == {"web-1": 1}


async def test_what_waits_for_a_dead_channel_survives_a_crash_too(
    config: Path, slack: FakeSlack, http: ClientSession
) -> None:
    slack.next.extend([503] * 3)
    async with receiver(config) as first:
        for name in ("web-1", "web-2", "web-3"):
            await accept(http, first, name)
        await until(lambda: len(slack.seen) >= 3)
        await first.kill()
    async with receiver(config):
        await until(lambda: len(slack.messages) == 3)
    assert arrived(slack) == {"web-1": 1, "web-2": 1, "web-3": 1}


async def test_asked_to_stop_it_lets_the_message_in_flight_arrive_and_exits_with_0(
    config: Path, slack: FakeSlack, http: ClientSession
) -> None:
    slack.next.append("hangs")
    async with receiver(config) as running:
        await accept(http, running, "web-1")
        await until(lambda: len(slack.seen) == 1)
        stopping = asyncio.create_task(running.stop())
        await until(lambda: any("stopping" in line for line in running.log))
        slack.released.set()  # Slack answers at last, though not with its `ok`
        assert await stopping == 0
    assert any("again at" in line for line in running.log), running.log
    async with receiver(config):
        await until(lambda: arrived(slack) == {"web-1": 1})


async def test_no_secret_is_in_the_log(config: Path, slack: FakeSlack, http: ClientSession) -> None:
    slack.next.extend(["echoes", "html", "closes"])
    async with receiver(config) as running:
        for name in ("web-1", "web-2", "web-3", "web-4"):
            await accept(http, running, name)
        await until(lambda: len(slack.messages) >= 1)
        await running.stop()
    assert any("chat" in line for line in running.log)
    assert "XXXXXXXX" not in "".join(running.log)


@pytest.mark.parametrize("crashes", [8, pytest.param(200, marks=pytest.mark.long)])
async def test_crashes_at_random_moments_lose_nothing_and_repeat_one_message_each_at_most(
    crashes: int, tmp_path: Path, certificates: Certificates, http: ClientSession
) -> None:
    seed = secrets.randbits(32)
    async with channels(tmp_path, certificates) as rigs:
        report = await crash(tmp_path, rigs, http, crashes, seed)
    print(f"seed {seed}: {report}")
    assert not any(report.lost.values()), report
    assert all(count <= crashes for count in report.twice.values()), report
    assert len(report.accepted) > crashes
