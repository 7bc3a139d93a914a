"""Webhooks that the real receiver accepts durably, with the inbox channel only.

`python -m tests.bench.accept` prints for each case what was accepted in a second, the time from
request to 200, and the CPU time that the receiver spent on a webhook until its message was
delivered too; then the receiver's memory, idle and at its peak. Load is made in the same
process as the figures, so on a machine with few cores the rates are low.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from aiohttp import ClientSession

from tests.e2e.serving import Receiver, configure, receiver
from tests.receiver.webhooks import alert, body

_JSON = {"Content-Type": "application/json"}
_IDLE = 'tocsin_queue_deliveries{channel="inbox"} 0.0'
_numbers = count()


@dataclass(frozen=True, slots=True)
class Case:
    """So many clients that each post one webhook after the other, each of a group of its own."""

    clients: int
    alerts: int
    posts: int


CASES = (Case(1, 1, 200), Case(32, 1, 640), Case(32, 10, 320), Case(1, 10_000, 3))


def webhooks(case: Case) -> Iterator[bytes]:
    for _ in range(case.posts):
        group = f"group-{next(_numbers)}"
        yield body([alert(f"{group}-{n}") for n in range(case.alerts)], groupKey=group)


async def client(http: ClientSession, url: str, bodies: Iterator[bytes]) -> list[float]:
    """Post bodies until none is left; returns the seconds until each 200."""
    took = []
    for said in bodies:
        start = time.perf_counter()
        async with http.post(f"{url}/webhook/alertmanager", data=said, headers=_JSON) as answer:
            assert answer.status == 200, await answer.text()
        took.append(time.perf_counter() - start)
    return took


async def delivered(http: ClientSession, url: str) -> None:
    """Wait until no message is owed."""
    while True:
        async with http.get(f"{url}/metrics") as page:
            if _IDLE in await page.text():
                return
        await asyncio.sleep(1)


def cpu(running: Receiver) -> float:
    """Return the CPU seconds that the receiver has used."""
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(running: Receiver) -> str:
    """Return the memory that the receiver holds, and the most that it has held."""
    lines = Path(f"/proc/{running.process.pid}/status").read_text().splitlines()
    sizes = dict(line.split(":") for line in lines)
    now, most = (int(sizes[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return f"RSS {now:.0f} MiB, peak {most:.0f} MiB"


async def measure(http: ClientSession, running: Receiver, case: Case) -> None:
    """Run one case, and print its line."""
    bodies = list(webhooks(case))
    spent, start, rest = cpu(running), time.perf_counter(), iter(bodies)
    waits = await asyncio.gather(*(client(http, running.url, rest) for _ in range(case.clients)))
    seconds = time.perf_counter() - start
    await delivered(http, running.url)
    took = sorted(wait for part in waits for wait in part)
    print(
        f"{case.clients:2} clients x {case.alerts:5} alerts:"
        f" {case.posts / seconds:6.1f} webhooks/s, {case.posts * case.alerts / seconds:7.1f}"
        f" alerts/s; 200 after p50 {at(took, 50):.1f} ms, p99 {at(took, 99):.1f} ms;"
        f" CPU {(cpu(running) - spent) / case.posts * 1000:.1f} ms a webhook; {memory(running)}"
    )


def at(took: Sequence[float], percent: int) -> float:
    """Return a percentile in milliseconds."""
    return statistics.quantiles(took, n=100, method="inclusive")[percent - 1] * 1000


async def main() -> None:
    """Print the idle process's memory, then one line for each case."""
    with tempfile.TemporaryDirectory() as folder:
        config = configure(Path(folder), channels={"inbox": {"type": "inbox"}})
        async with receiver(config) as running, ClientSession() as http:
            await delivered(http, running.url)
            print(f"idle: {memory(running)}")
            for case in CASES:
                await measure(http, running, case)


if __name__ == "__main__":
    asyncio.run(main())
