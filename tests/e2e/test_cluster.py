"""Two Alertmanagers of Debian's package that know of the same alerts: people are told once."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientError, ClientSession

from tests.deploy.kit import free_ports
from tests.e2e.serving import Receiver, configure, receiver
from tests.fakes.hook import FakeHook

PROGRAM = "prometheus-alertmanager"
pytestmark = pytest.mark.skipif(not shutil.which(PROGRAM), reason=f"{PROGRAM} is not installed")


@pytest.fixture
async def hook() -> AsyncIterator[FakeHook]:
    async with FakeHook() as fake:
        yield fake


@contextmanager
def alertmanagers(
    folder: Path, receiver_url: str, *, clustered: bool, base: int = 0
) -> Iterator[list[str]]:
    """Run two; yields their URLs. Those that are not clustered cannot see each other."""
    route = {"receiver": "tocsin", "group_wait": "1s", "group_interval": "2s"}
    told = {"name": "tocsin", "webhook_configs": [{"url": f"{receiver_url}/webhook/alertmanager"}]}
    (folder / "am.yml").write_text(yaml.safe_dump({"route": route, "receivers": [told]}))
    base = base or free_ports(4)
    peers = [f"127.0.0.1:{base + 2 + number}" for number in range(2)]
    started = []
    for number in range(2):
        argv = [
            *(PROGRAM, "--config.file", str(folder / "am.yml")),
            *("--storage.path", str(folder / f"am{number}")),
            *("--web.listen-address", f"127.0.0.1:{base + number}"),
            *("--cluster.peer-timeout", "2s", "--cluster.settle-timeout", "1s"),
            *("--cluster.listen-address", peers[number] if clustered else ""),
            *(("--cluster.peer", peers[1 - number]) if clustered else ()),
        ]
        with (folder / f"am{number}.log").open("w") as log:
            started.append(subprocess.Popen(argv, stderr=log, stdout=log))
    try:
        yield [f"http://127.0.0.1:{base + number}" for number in range(2)]
    finally:
        for process in started:
            process.kill()
            process.wait()


async def settled(http: ClientSession, url: str, peers: int) -> None:
    """Wait until an Alertmanager answers, and sees that many peers."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with http.get(f"{url}/api/v2/status") as answer:
                    said = (await answer.json())["cluster"]
                    if said["status"] in {"ready", "disabled"} and len(said["peers"]) == peers:
                        return
            except (ClientError, OSError):
                pass
            await asyncio.sleep(0.1)


async def push(http: ClientSession, url: str, start: datetime, end: datetime | None) -> None:
    alert = {
        "labels": {"alertname": "Down", "instance": "web-1", "severity": "critical"},
        "annotations": {"summary": "it is down"},
        "startsAt": start.isoformat(),
        "endsAt": (end or start + timedelta(hours=1)).isoformat(),
    }
    async with http.post(f"{url}/api/v2/alerts", json=[alert]) as answer:
        assert answer.status == 200, await answer.text()


async def count(http: ClientSession, running: Receiver, series: str) -> float:
    async with http.get(f"{running.url}/metrics") as page:
        lines = (await page.text()).splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(series))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 -- another process tells no event
            await asyncio.sleep(0.05)


async def test_a_resolved_that_a_restart_lost_is_told_and_one_that_is_silenced_too(
    tmp_path: Path, hook: FakeHook, http: ClientSession
) -> None:
    (tmp_path / "url").write_text(hook.base)
    chat = {"type": "webhook", "url_file": "url", "body": '{"text": {"content": {{ title }}}}'}
    base = free_ports(4)
    urls = [f"http://127.0.0.1:{base + number}" for number in range(2)]
    asked = {"url": urls, "interval": "5s", "patience": "8s"}
    config = configure(tmp_path, channels={"chat": chat}, alertmanager=asked)
    async with receiver(config) as running:
        with alertmanagers(tmp_path, running.url, clustered=False, base=base) as urls:
            for url in urls:
                await settled(http, url, 0)
            await push(http, urls[0], datetime.now(UTC), None)
            await until(lambda: len(hook.texts) == 1)
        # Alerts live in Alertmanager's memory alone: a restart forgets them, and says nothing.
        with alertmanagers(tmp_path, running.url, clustered=False, base=base) as urls:
            for url in urls:
                await settled(http, url, 0)
            await until(lambda: len(hook.texts) == 2)
            assert await count(http, running, "tocsin_resolves_lost_total") == 1
            assert await count(http, running, 'tocsin_incidents{state="open"}') == 0
            await push(http, urls[0], datetime.now(UTC), None)
            await until(lambda: len(hook.texts) == 3)
            await silence(http, urls[0])
            await metric(http, running, 'tocsin_open_alerts{state="silenced"}', 1)
    assert "Resolved" in hook.texts[1]


async def silence(http: ClientSession, url: str) -> None:
    now = datetime.now(UTC)
    said = {
        "matchers": [{"name": "alertname", "value": "Down", "isRegex": False}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "test",
        "comment": "it is being mended",
    }
    async with http.post(f"{url}/api/v2/silences", json=said) as answer:
        assert answer.status == 200, await answer.text()


async def metric(http: ClientSession, running: Receiver, series: str, value: float) -> None:
    async with asyncio.timeout(60):
        while await count(http, running, series) != value:  # noqa: ASYNC110 -- a scrape has no event
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("clustered", [True, False], ids=["clustered", "parted"])
async def test_two_alertmanagers_give_one_notification_and_one_end(
    tmp_path: Path, hook: FakeHook, http: ClientSession, *, clustered: bool
) -> None:
    (tmp_path / "url").write_text(hook.base)
    body = '{"text": {"content": {{ title }}}}'
    chat = {"type": "webhook", "url_file": "url", "body": body}
    async with receiver(configure(tmp_path, channels={"chat": chat})) as running:
        with alertmanagers(tmp_path, running.url, clustered=clustered) as urls:
            for url in urls:
                await settled(http, url, 2 if clustered else 0)
            start = datetime.now(UTC)
            await asyncio.gather(*(push(http, url, start, None) for url in urls))
            await until(lambda: len(hook.texts) >= 1)
            await asyncio.sleep(5)  # the second waits 2 s for the first; a group's turn is 2 s
            assert len(hook.texts) == 1
            over = datetime.now(UTC)
            await asyncio.gather(*(push(http, url, start, over) for url in urls))
            await until(lambda: len(hook.texts) >= 2)
            await asyncio.sleep(5)
            assert len(hook.texts) == 2
        told = await count(http, running, 'tocsin_webhook_requests_total{code="200"}')
        same = await count(
            http, running, 'tocsin_notifications_suppressed_total{reason="duplicate"}'
        )
        print(f"{'clustered' if clustered else 'parted'}: {told:g} webhooks, {same:g} duplicates")
        assert (told, same) == ((2, 0) if clustered else (4, 2))
