"""A full disk: webhooks are put off, what is owed still goes out, and room mends all."""

import asyncio
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.e2e.serving import Receiver, configure, receiver
from tests.fakes.slack import FakeSlack
from tests.receiver.webhooks import alert, body

SIZE = 64
"""Mebibytes of the disk."""
MOMENT = 0.5
"""Seconds; what is known of the disk may be a quarter of a second old."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk in memory, where the receiver keeps its state."""
    state = tmp_path / "state"
    state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(state)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, timeout=30).returncode:
        pytest.skip("only root may make a disk")
    yield state
    subprocess.run(["umount", state], check=True, timeout=30)


def fill(disk: Path) -> Path:
    """Write until nothing more fits."""
    ballast = disk / "of-somebody-else"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            return ballast


async def tell(http: ClientSession, running: Receiver, name: str) -> int:
    said = body([alert(name)], groupKey=name)
    headers = {"Content-Type": "application/json"}
    url = f"{running.url}/webhook/alertmanager"
    async with http.post(url, data=said, headers=headers) as answer:
        return answer.status


async def ready(http: ClientSession, running: Receiver) -> int:
    async with http.get(f"{running.url}/-/ready") as answer:
        return answer.status


def told(slack: FakeSlack) -> set[str]:
    """Return the alerts that messages name."""
    return set(re.findall(r"(?:host|late)(?:-\d+)?", "\n".join(slack.texts)))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 -- another process tells no event
            await asyncio.sleep(0.05)


async def test_a_full_disk_puts_off_webhooks_and_holds_up_no_message(
    disk: Path,
    tmp_path: Path,
    slack: FakeSlack,
    secret_file: Callable[[str, str], str],
    http: ClientSession,
) -> None:
    chat = {"type": "slack", "url_file": secret_file("slack.url", slack.hook), "pace": "20/1s"}
    slack.burst = 10_000
    slack.next.append("hangs")  # so that what is told now is still owed when the disk is full
    names = [f"host-{number}" for number in range(30)]
    async with receiver(configure(tmp_path, channels={"chat": chat})) as running:
        for name in names:
            assert await tell(http, running, name) == 200
        await until(lambda: len(slack.seen) == 1)
        ballast = fill(disk)
        await asyncio.sleep(MOMENT)
        assert [await tell(http, running, f"late-{n}") for n in range(5)] == [503] * 5
        await asyncio.sleep(1.1)  # what `ready` knows may be a second old
        assert await ready(http, running) == 503
        slack.released.set()
        await until(lambda: told(slack) >= set(names))
        assert await tell(http, running, "late") == 503
        ballast.unlink()
        await asyncio.sleep(MOMENT)
        assert await tell(http, running, "late") == 200
        await asyncio.sleep(1.1)
        assert await ready(http, running) == 200
        await until(lambda: "late" in told(slack))
    assert not any("Traceback" in line for line in running.log)


async def test_a_start_on_a_full_disk_sends_what_is_owed(
    disk: Path,
    tmp_path: Path,
    slack: FakeSlack,
    secret_file: Callable[[str, str], str],
    http: ClientSession,
) -> None:
    chat = {"type": "slack", "url_file": secret_file("slack.url", slack.hook)}
    slack.next.append("hangs")
    config = configure(tmp_path, channels={"chat": chat})
    async with receiver(config) as running:
        assert await tell(http, running, "host") == 200
        await until(lambda: len(slack.seen) == 1)
        await running.kill()
    slack.released.set()
    fill(disk)
    async with receiver(config) as running:
        await until(lambda: "host" in told(slack))
        assert await tell(http, running, "late") == 503
        assert await running.stop() == 0
