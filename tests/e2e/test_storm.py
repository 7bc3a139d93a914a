"""10,000 alerts in one POST and in 1,000: accepted, sent to four channels, in little room."""

import asyncio
import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.e2e.serving import Receiver, configure, receiver
from tests.receiver.webhooks import alert, body

CHANNELS = ("a", "b", "c", "d")
MIB = 2**20


def peak(running: Receiver) -> int:
    """Return the most memory that the receiver has held, in bytes."""
    lines = Path(f"/proc/{running.process.pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


async def post(http: ClientSession, running: Receiver, bodies: Iterator[bytes]) -> None:
    headers = {"Content-Type": "application/json"}
    url = f"{running.url}/webhook/alertmanager"
    for said in bodies:
        async with http.post(url, data=io.BytesIO(said), headers=headers) as answer:
            assert answer.status == 200, await answer.text()


async def numbers(http: ClientSession, running: Receiver) -> dict[str, float]:
    async with http.get(f"{running.url}/metrics") as page:
        lines = (await page.text()).splitlines()
    return {line.rpartition(" ")[0]: float(line.split()[-1]) for line in lines if line[0] != "#"}


async def delivered(http: ClientSession, running: Receiver) -> None:
    """Wait until nothing is owed."""
    queues = [f'tocsin_queue_deliveries{{channel="{name}"}}' for name in CHANNELS]
    async with asyncio.timeout(300):
        while True:
            found = await numbers(http, running)
            if not any(found.get(queue, 1) for queue in queues):
                return
            await asyncio.sleep(0.5)


@pytest.mark.long
@pytest.mark.parametrize(("posts", "clients"), [(1, 1), (1_000, 20)])
async def test_a_storm_of_10_000_alerts_is_accepted_and_delivered(
    tmp_path: Path, http: ClientSession, posts: int, clients: int
) -> None:
    each = 10_000 // posts
    bodies = iter(
        [
            body([alert(f"{group}-{n}") for n in range(each)], groupKey=f"{group}")
            for group in range(posts)
        ]
    )
    named = {name: {"type": "inbox"} for name in CHANNELS}
    async with receiver(configure(tmp_path, channels=named)) as running:
        start = time.monotonic()
        await asyncio.gather(*(post(http, running, bodies) for _ in range(clients)))
        seconds = time.monotonic() - start
        await delivered(http, running)
        found, most = await numbers(http, running), peak(running)
    print(
        f"{posts} POSTs of {each}: {10_000 / seconds:.0f} alerts/s; peak {most / MIB:.0f} MiB;"
        f" delivered after {time.monotonic() - start:.1f} s"
    )
    assert found['tocsin_alerts_received_total{status="firing"}'] == 10_000
    assert found['tocsin_webhook_requests_total{code="503"}'] == 0
    assert most < 200 * MIB
