import asyncio
from pathlib import Path

from aiohttp import ClientSession

from tests.bench.accept import Case, Sink, channels, client, delivered, memory_of, webhooks
from tests.e2e.serving import configure, receiver


async def test_a_storm_takes_little_memory_and_gives_most_of_it_back(tmp_path: Path) -> None:
    """Two clients, each 10,000 new alerts in one webhook at a time, to four channels."""
    case = Case(clients=2, alerts=10_000, posts=6)
    async with (
        channels(tmp_path, Sink()) as named,
        ClientSession() as http,
        receiver(configure(tmp_path, channels=named)) as running,
    ):
        bodies = iter(list(webhooks(case)))
        await asyncio.gather(*(client(http, running.url, bodies) for _ in range(case.clients)))
        await delivered(http, running.url)
        async with asyncio.timeout(60):
            while memory_of(running)[0] >= 150:  # noqa: ASYNC110 -- another process's
                await asyncio.sleep(0.5)
        now, most = memory_of(running)
        print(f"RSS {now:.0f} MiB, peak {most:.0f} MiB")
    assert most < 200
