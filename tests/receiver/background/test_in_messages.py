"""From a webhook to a message that says what Prometheus knows, with a picture to look at."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from receiver import app, config
from receiver.background.queries import only, unusual_query
from receiver.config import Config
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.prometheus import FakePrometheus
from tests.receiver.webhooks import alert, body

JSON = {"Content-Type": "application/json"}
HOSTS = [f"web-{number}" for number in range(8)]


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus(now=None) as fake:
        fake.alerts("Down", "up == 0", severity="critical")
        fake.says("up", *(({"instance": host}, 0.0) for host in HOSTS))
        for host in HOSTS:
            fake.says(only("up", [{"instance": host}]), ({"instance": host}, 0.0))
            fake.says(unusual_query({"instance": host}), ({"signal": "load"}, 1.5))
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


async def said(robot: FakeDingTalk, count: int) -> None:
    """Wait until so many messages are seen."""
    while True:
        if len(robot.texts) >= count:
            return
        await asyncio.sleep(0.01)


async def test_a_message_says_what_prometheus_knows_and_links_to_a_picture(
    settings: Config, robot: FakeDingTalk, http: ClientSession
) -> None:
    picture = None
    async with app.running(settings) as url, asyncio.timeout(30):
        for number, host in enumerate(HOSTS):  # the first may come before all is warm
            raw = body([alert(host)], groupKey=host)
            async with http.post(f"{url}/webhook/alertmanager", data=raw, headers=JSON) as answer:
                assert answer.status == 200
            await said(robot, number + 1)
            picture = re.search(r"!\[Picture\]\(https://tocsin.example.com(\S+)\)", robot.texts[-1])
            if picture:
                break
        assert picture
        assert "**Value**: 0" in robot.texts[-1]
        assert "load 1.5" in robot.texts[-1]
        async with http.get(url + picture[1]) as answer:
            assert (await answer.read()).startswith(b"\x89PNG")


async def test_a_prometheus_that_hangs_delays_a_message_by_its_timeout_and_no_more(
    settings: Config, robot: FakeDingTalk, prometheus: FakePrometheus, http: ClientSession
) -> None:
    assert settings.prometheus is not None
    quick = settings.prometheus.model_copy(update={"timeout": 0.2})
    prometheus.slow = 30.0
    async with app.running(settings.model_copy(update={"prometheus": quick})) as url:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with http.post(
            f"{url}/webhook/alertmanager", data=body([alert("web-1")]), headers=JSON
        ) as answer:
            assert answer.status == 200
        async with asyncio.timeout(10):
            await said(robot, 1)
        assert 0.2 <= loop.time() - began < 1.2
        assert "Value" not in robot.texts[0]
        async with http.get(f"{url}/metrics") as page:
            assert 'tocsin_background_total{outcome="timeout",part="rules"} 1.0' in (
                await page.text()
            ) or 'outcome="late",part="facts"} 1.0' in (await page.text())
