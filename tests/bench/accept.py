"""Alerts that the real receiver accepts durably, every one new, routed to four channels.

`python -m tests.bench.accept [--postgresql] [--history N]` prints for each case how many were
accepted in a second and the time from request to 200; meanwhile a critical alert comes every
half second, and the time until its first channel, and until each, has it is printed too; then
the receiver's CPU time and memory, and how long the backlog took. `--history` fills the store
with that many settled webhooks first. Load and channels run in one process beside the receiver,
so the figures are those of a machine that does more than receive.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from sqlalchemy import URL

from receiver.intake.webhook import parse
from receiver.store.records import Decision, Known
from receiver.store.store import Store
from tests.e2e.serving import Receiver, configure, receiver
from tests.fakes.postgres import PASSWORD, postgres
from tests.receiver.webhooks import alert, body, webhook

_JSON = {"Content-Type": "application/json"}
_CHANNELS = ("a", "b", "c", "d")
_MARK = "urgent-"
_numbers = count()


@dataclass(frozen=True, slots=True)
class Case:
    """So many clients that each post one webhook after the other, each of a group of its own."""

    clients: int
    alerts: int
    posts: int


CASES = (Case(32, 1, 2000), Case(32, 10, 2000), Case(1, 10_000, 5), Case(2, 10_000, 6))


@dataclass
class Sink:
    """Four channels that take everything, and when each of them had an urgent alert."""

    arrived: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    messages: int = 0

    async def take(self, request: web.Request) -> web.Response:
        said = await request.text()
        self.messages += 1
        for part in said.split(_MARK)[1:]:
            name = part[:8]
            self.arrived[name].append(time.perf_counter())
        return web.Response(text="ok")


def webhooks(case: Case) -> Iterator[bytes]:
    for _ in range(case.posts):
        group = f"group-{next(_numbers)}"
        alerts = [alert(f"{group}-{n}", severity="warning") for n in range(case.alerts)]
        yield body(alerts, groupKey=group)


async def post(http: ClientSession, url: str, said: bytes) -> float:
    """Post a webhook; returns the seconds until 200."""
    start = time.perf_counter()
    async with http.post(
        f"{url}/webhook/alertmanager", data=BytesIO(said), headers=_JSON
    ) as answer:
        assert answer.status == 200, await answer.text()
    return time.perf_counter() - start


async def client(http: ClientSession, url: str, bodies: Iterator[bytes]) -> list[float]:
    """Post bodies until none is left; returns the seconds until each 200."""
    return [await post(http, url, said) for said in bodies]


async def urgent(http: ClientSession, url: str, pause: float, sent: dict[str, float]) -> None:
    """Post a critical alert again and again; notes when each was accepted."""
    while True:
        name = f"{next(_numbers):08}"
        await post(http, url, body([alert(f"{_MARK}{name}")], groupKey=f"{_MARK}{name}"))
        sent[name] = time.perf_counter()
        await asyncio.sleep(pause)


async def delivered(http: ClientSession, url: str) -> None:
    """Wait until no message is owed."""
    while True:
        async with http.get(f"{url}/metrics") as page:
            text = await page.text()
        if all(f'tocsin_queue_deliveries{{channel="{name}"}} 0.0' in text for name in _CHANNELS):
            return
        await asyncio.sleep(0.5)


def cpu(running: Receiver) -> float:
    """Return the CPU seconds that the receiver has used."""
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(running: Receiver) -> tuple[float, float]:
    """Return the MiB that the receiver holds, and the most that it has held."""
    lines = Path(f"/proc/{running.process.pid}/status").read_text().splitlines()
    sizes = dict(line.split(":") for line in lines)
    now, most = (int(sizes[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


def memory(running: Receiver) -> str:
    """Say how much memory it holds."""
    now, most = memory_of(running)
    return f"RSS {now:.0f} MiB, peak {most:.0f} MiB"


def at(took: Sequence[float], percent: int) -> str:
    """Return a percentile in milliseconds."""
    if len(took) < 2:
        return "-"
    value = statistics.quantiles(took, n=100, method="inclusive")[percent - 1]
    return f"{value * 1000:.0f} ms"


def waits(sink: Sink, sent: dict[str, float]) -> str:
    """Say how long critical alerts took to the first channel and to the last."""
    first = [min(sink.arrived[name]) - sent[name] for name in sent if sink.arrived[name]]
    last = [max(sink.arrived[name]) - sent[name] for name in sent if sink.arrived[name]]
    return (
        f"{len(first)} critical, accepted to first channel p50 {at(first, 50)},"
        f" p99 {at(first, 99)}; to all p99 {at(last, 99)}"
    )


async def measure(http: ClientSession, running: Receiver, sink: Sink, case: Case) -> None:
    """Run one case, and print its lines."""
    bodies, sent = list(webhooks(case)), dict[str, float]()
    calling = asyncio.create_task(urgent(http, running.url, 0.5, sent))
    spent, start, rest = cpu(running), time.perf_counter(), iter(bodies)
    own = time.process_time()
    parts = await asyncio.gather(*(client(http, running.url, rest) for _ in range(case.clients)))
    seconds, accepting = time.perf_counter() - start, cpu(running) - spent
    own = time.process_time() - own
    calling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await calling
    await delivered(http, running.url)
    took = [wait for part in parts for wait in part]
    print(
        f"{case.clients:2} clients x {case.alerts:5} alerts:"
        f" {case.posts / seconds:6.1f} webhooks/s,"
        f" {case.posts * case.alerts / seconds:8.1f} alerts/s; 200 after p50 {at(took, 50)},"
        f" p99 {at(took, 99)}\n    {waits(sink, sent)}\n"
        f"    CPU until all were accepted {accepting / case.posts * 1000:.1f} ms a webhook, until"
        f" all was delivered {(cpu(running) - spent) / case.posts * 1000:.1f} ms,"
        f" {time.perf_counter() - start - seconds:.1f} s later;"
        f" {memory(running)}\n    of a core, while all were accepted: receiver"
        f" {accepting / seconds:.0%}, load and channels {own / seconds:.0%}",
        flush=True,
    )


async def idle(http: ClientSession, running: Receiver, sink: Sink) -> None:
    """Print how long a lone alert takes."""
    sent = dict[str, float]()
    calling = asyncio.create_task(urgent(http, running.url, 0.05, sent))
    await asyncio.sleep(10)
    calling.cancel()
    await asyncio.sleep(1)
    print(f"idle: {waits(sink, sent)}; {memory(running)}", flush=True)


def _silent(_: Known) -> Decision:
    return Decision(_CHANNELS, "duplicate")


async def fill(database: Path | URL, number: int) -> None:
    """Fill a store with that many settled webhooks of ten alerts: half fire, half resolve them."""
    store = await Store.open(database, parse)
    for start in range(0, number // 2, 64):
        for status in ("firing", "resolved"):
            told = [
                webhook([alert(f"{n}-{k}", status) for k in range(10)], groupKey=f"old-{n}")
                for n in range(start, min(number // 2, start + 64))
            ]
            await asyncio.gather(*(store.accept(each, _silent) for each in told))
    await store.close()


@asynccontextmanager
async def channels(folder: Path, sink: Sink) -> AsyncIterator[dict[str, Any]]:
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/{name}", sink.take)
    async with TestServer(app, host="127.0.0.1") as server:
        for name in _CHANNELS:
            (folder / name).write_text(str(server.make_url(f"/{name}")))
        yield {name: {"type": "webhook", "url_file": name, "pace": "1000/1s"} for name in _CHANNELS}


def place(folder: Path, database: URL | None) -> dict[str, Any]:
    """Return the settings that name the store."""
    if database is None:
        return {}
    (folder / "password").write_text(PASSWORD)
    plain = database.set(drivername="postgresql")._replace(password=None)
    return {"store": str(plain), "store_password_file": "password"}


async def run(folder: Path, database: URL | None, history: int) -> None:
    """Print the idle process's figures, then those of each case."""
    await fill(database or folder / "state/tocsin.db", history)
    sink = Sink()
    async with channels(folder, sink) as named, ClientSession() as http:
        config = configure(folder, channels=named, **place(folder, database))
        async with receiver(config) as running:
            await idle(http, running, sink)
            for case in CASES:
                await measure(http, running, sink, case)
            await asyncio.sleep(15)
            print(f"{sink.messages} messages; a while later {memory(running)}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--history", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres()) if arguments.postgresql else None
        database = server.database() if server else None
        asyncio.run(run(Path(folder), database, arguments.history))


if __name__ == "__main__":
    main()
