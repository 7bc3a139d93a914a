"""From a webhook to a message that says what Prometheus knows, with a picture to look at."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from receiver import app, config
from receiver.background.queries import only, unusual_query
from receiver.channels.slack import Slack
from receiver.config import Config
from receiver.upstream.prometheus import Prometheus
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.slack import FakeSlack
from tests.receiver.webhooks import alert, body

JSON = {"Content-Type": "application/json"}
HOST = "web-1"


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus(now=None) as fake:
        fake.alerts("Down", "up < 1", severity="critical")
        for query in ("up", only("up", [{"instance": HOST}])):
            fake.says(query, ({"instance": HOST}, 0.0))
        fake.says(unusual_query({"instance": HOST}), ({"signal": "load"}, 1.5))
        yield fake


@pytest.fixture
async def robot() -> AsyncIterator[FakeDingTalk]:
    async with FakeDingTalk() as fake:
        yield fake


@pytest.fixture
def settings(
    prometheus: FakePrometheus,
    robot: FakeDingTalk,
    secret_file: Callable[[str, str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Config:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    document = {
        "listen": "127.0.0.1:0",
        "external_url": "https://tocsin.example.com",
        "prometheus": {"url": prometheus.base},
        "channels": {
            "ops": {
                "type": "dingtalk",
                "url_file": secret_file("ops.url", robot.url),
                "secret_file": secret_file("ops.secret", robot.secret),
            }
        },
    }
    return config.decode(document, tmp_path / "receiver.yml")


def waiting(settings: Config, seconds: float) -> Prometheus:
    assert settings.prometheus is not None
    return settings.prometheus.model_copy(update={"timeout": seconds})


async def tell(http: ClientSession, url: str) -> None:
    raw = body([alert(HOST)])
    async with http.post(f"{url}/webhook/alertmanager", data=raw, headers=JSON) as answer:
        assert answer.status == 200


async def said(robot: FakeDingTalk, count: int) -> None:
    """Wait until so many messages are seen."""
    while True:
        if len(robot.texts) >= count:
            return
        await asyncio.sleep(0.01)


async def test_a_message_says_what_prometheus_knows_and_links_to_a_picture(
    settings: Config, robot: FakeDingTalk, http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine takes longer to be ready to draw than a message waits.
    monkeypatch.setattr("receiver.delivery.looking.PATIENCE", 30.0)
    monkeypatch.setattr("receiver.pictures.studio._DRAW", 30.0)
    patient = settings.model_copy(update={"prometheus": waiting(settings, 30.0)})
    async with app.running(patient) as url, asyncio.timeout(60):
        await tell(http, url)
        await said(robot, 1)
        (text,) = robot.texts
        picture = re.search(r"!\[Picture\]\(https://tocsin.example.com(\S+)\)", text)
        assert picture
        assert "**Value**: 0" in text
        assert "load 1.5" in text
        async with http.get(url + picture[1]) as answer:
            assert (await answer.read()).startswith(b"\x89PNG")


async def test_a_prometheus_that_hangs_delays_a_message_by_its_timeout_and_no_more(
    settings: Config, robot: FakeDingTalk, prometheus: FakePrometheus, http: ClientSession
) -> None:
    prometheus.slow = 30.0
    quick = settings.model_copy(update={"prometheus": waiting(settings, 0.2)})
    async with app.running(quick) as url:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await tell(http, url)
        async with asyncio.timeout(10):
            await said(robot, 1)
        assert 0.2 <= loop.time() - began < 5
        assert "Value" not in robot.texts[0]
        async with http.get(f"{url}/metrics") as page:
            assert 'tocsin_background_total{outcome="timeout",part="rules"} 1.0' in (
                await page.text()
            ) or 'outcome="late",part="facts"} 1.0' in (await page.text())


async def test_what_is_known_late_is_brought_to_a_message_that_can_be_changed(
    settings: Config,
    prometheus: FakePrometheus,
    slack: FakeSlack,
    secret_file: Callable[[str, str], str],
    http: ClientSession,
) -> None:
    prometheus.slow = 0.6
    token = secret_file("slack.token", slack.token)
    keys = {"token_file": token, "channel": "#ops", "api_url": slack.api, "pace": "50/1s"}
    chat = Slack.model_validate({"type": "slack", **keys})
    quick = settings.model_copy(
        update={"prometheus": waiting(settings, 0.2), "channels": {"chat": chat}}
    )
    async with app.running(quick.model_copy(update={"routes": ()}).with_routes()) as url:
        await tell(http, url)
        async with asyncio.timeout(30):
            while "*Value:* 0" not in str(slack.standing):  # noqa: ASYNC110 -- the fake tells nobody
                await asyncio.sleep(0.01)
        assert "load 1.5" in str(slack.standing)
        assert len(slack.standing) == 1  # nobody is told again
        called = [request.path.rpartition("/")[2] for request in slack.seen]
        assert called == ["chat.postMessage", "chat.update"]
