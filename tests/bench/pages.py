"""How long each page and each list takes in a store of many incidents, and what streams cost.

`python -m tests.bench.pages [--postgresql] [--incidents N]` fills a store, starts the real
receiver on it, on one core, and asks for every page and every list: with each parameter that is
described, at the first page and at a late one. It prints how long the first request took, and
p50 and p99 of the next, the receiver's CPU time of one, and how large the answer is; what takes
over 200 ms is marked. Then it prints the receiver's share of a core while webhooks come, with no
stream open and with many of each kind.
"""

import argparse
import asyncio
import contextlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, TCPConnector, hdrs
from sqlalchemy import URL

from receiver.intake.webhook import parse
from receiver.messages.custody import Doors
from receiver.signing import Signer
from receiver.store.clock import utc_now
from receiver.store.store import Store
from receiver.web.api import API
from receiver.web.operation import Operation
from receiver.web.server import ROUTES
from receiver.web.streaming import KIND
from tests.bench.accept import at, cpu, place, post
from tests.bench.history import fill
from tests.e2e.serving import Receiver, configure, receiver
from tests.fakes.postgres import postgres
from tests.receiver.webhooks import alert, body

_SLOW = 0.2
_TIMES = 20
_STREAMS, _RATE, _SECONDS = 200, 10, 20
_STREAMED = ("/events", *(each.path for each in API if each.kind == KIND))
_DAY = utc_now() - timedelta(days=10)
_VALUES: Mapping[str, Sequence[str]] = {
    "limit": ("limit=200",),
    "next": ("limit=200&next=2000",),
    "before": ("before=2000",),
    "q": ("q=rule7", "q=rule7+cluster%3Dc7", "q=no-such-word"),
    "last": ("last=7d", "last=90d"),
    "of": (f"of={_DAY:%Y-%m-%d}",),
    "from": (f"from={_DAY:%Y-%m-%d}",),
    "until": (f"until={utc_now() + timedelta(days=300):%Y-%m-%d}",),
    "runbook": ("runbook=none",),
    "format": ("format=jsonl",),
    "channel": ("channel=chat", "channel=none", "channel=chat&state=dead&limit=200"),
    "template": ("template=chat",),
    "sample": ("sample=grouped",),
    "incident": ("channel=chat&incident={number}",),
}
"""For each parameter of a list what it may be; one of some words may be each of them."""
_PAGES: Mapping[str, Sequence[str]] = {
    "/": ("before=2000",),
    "/incidents": ("q=rule7", "q=no-such-word", "state=silenced", "severity=info", "next=2000"),
}
_ROTA = {
    "timezone": "Europe/Berlin",
    "layers": [{"people": ["ada"], "start": "2026-01-01 09:00", "turn": "1w"}],
}
_numbers = count()


@dataclass(frozen=True, slots=True)
class There:
    """What is named in addresses: the newest incident, and a link to act on it."""

    number: int
    link: str


def addresses(there: There) -> Iterator[str]:
    """Yield the address of every page and every list, with all parameters."""
    for path in dict.fromkeys(r.path for r in ROUTES if r.method == hdrs.METH_GET):
        if path in _STREAMED:
            continue
        if path.startswith("/act/"):
            yield there.link
            continue
        filled = re.sub(r"{([a-z]+)[^}]*}*", lambda found: _name(found[1], there), path)
        yield filled
        queries = _PAGES.get(path) or _queries(path)
        yield from (f"{filled}?{query.format(number=there.number)}" for query in queries)


def _name(place_: str, there: There) -> str:
    known = {"number": str(there.number), "name": "ops", "kind": "weekly"}
    return known.get(place_, "0" * 32)


def _queries(path: str) -> Iterator[str]:
    described: Iterable[Operation] = (o for o in API if (o.method, o.path) == ("GET", path))
    for operation in described:
        for name, schema in operation.query.items():
            words = [f"{name}={word}&limit=200" for word in schema.get("enum", ()) if word]
            yield from words or _VALUES[name]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of the first request and of the next, and what they cost the receiver."""

    first: float
    later: Sequence[float]
    cpu: float
    size: int
    status: int

    def __str__(self) -> str:
        slow = "!" if max(self.first, *self.later) > _SLOW else " "
        later = f"{at(self.later, 50):>7} {at(self.later, 99):>7}"
        told = f"CPU {self.cpu * 1000:6.1f} ms {self.size / 1000:7.1f} kB {self.status}"
        return f"{slow} {self.first * 1000:6.0f} ms, then {later}  {told}"


async def measure(http: ClientSession, running: Receiver, path: str) -> Took:
    """Ask for it again and again."""
    took, size, status = [], 0, 0
    spent = cpu(running)
    for _ in range(1 + _TIMES):
        start = time.perf_counter()
        async with http.get(f"{running.url}{path}") as answer:
            size, status = len(await answer.read()), answer.status
        took.append(time.perf_counter() - start)
    return Took(took[0], took[1:], (cpu(running) - spent) / (1 + _TIMES), size, status)


def pin(running: Receiver) -> None:
    """Keep all threads of the receiver on one core."""
    core = max(os.sched_getaffinity(0))
    for thread in Path(f"/proc/{running.process.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


async def _listen(http: ClientSession, url: str, opened: asyncio.Event) -> None:
    async with http.get(url, timeout=ClientTimeout(total=None)) as stream:
        assert stream.status == 200, await stream.text()
        opened.set()
        async for _ in stream.content.iter_any():
            pass


@asynccontextmanager
async def streams(url: str) -> AsyncIterator[None]:
    """Have many browsers follow."""
    async with ClientSession(connector=TCPConnector(limit=0)) as http, asyncio.TaskGroup() as group:
        opened = [asyncio.Event() for _ in range(_STREAMS)]
        every = [group.create_task(_listen(http, url, each)) for each in opened]
        await asyncio.gather(*(each.wait() for each in opened))
        yield
        for each in every:
            each.cancel()


async def load(http: ClientSession, running: Receiver) -> str:
    """Post webhooks of new groups steadily; says the receiver's share of a core meanwhile."""
    spent, start = cpu(running), time.perf_counter()
    for number in range(_RATE * _SECONDS):
        name = f"new-{next(_numbers)}"
        await post(http, running.url, body([alert(name, severity="warning")], groupKey=name))
        await asyncio.sleep(max(0.0, start + (number + 1) / _RATE - time.perf_counter()))
    return f"{(cpu(running) - spent) / (time.perf_counter() - start):6.1%}"


async def weigh(http: ClientSession, running: Receiver) -> None:
    """Print what streams cost."""
    for path in ("", *_STREAMED):
        opening = streams(f"{running.url}{path}") if path else contextlib.nullcontext()
        async with opening:
            await asyncio.sleep(4)
            spent, start = cpu(running), time.perf_counter()
            await asyncio.sleep(_SECONDS / 2)
            rests = f"{(cpu(running) - spent) / (time.perf_counter() - start):6.1%}"
            name = f"{_STREAMS} of {path}" if path else "no stream"
            print(f"{name:33}: idle {rests}, with {_RATE} webhooks/s", end=" ", flush=True)
            print(await load(http, running), flush=True)


async def link(database: Path | URL, number: int) -> str:
    """Return the link by which somebody acts on an incident."""
    async with Store.visit(database, parse) as store:
        doors = Doors("", Signer(await store.handling.key()), {"ada": "Ada"})
        return doors.custody(number, None, store.now()).links[0][1]


async def run(folder: Path, database: URL | None, incidents: int) -> None:
    """Print all figures."""
    kept = database or folder / "state/tocsin.db"
    start = time.perf_counter()
    newest = await fill(kept, incidents)
    print(f"{incidents} incidents written in {time.perf_counter() - start:.0f} s", flush=True)
    there = There(newest, await link(kept, newest))
    people: dict[str, Any] = {"ada": {"name": "Ada", "roles": ["operate"]}}
    config = configure(
        folder,
        channels={"inbox": {"type": "inbox"}, "chat": {"type": "terminal"}},
        routes=[{"channels": ["inbox"]}],
        people=people,
        schedules={"ops": _ROTA},
        **place(folder, database),
    )
    async with receiver(config) as running, ClientSession() as http:
        await asyncio.sleep(5)
        pin(running)
        for path in addresses(there):
            print(f"{await measure(http, running, path)} {path[:70]}", flush=True)
        await weigh(http, running)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--incidents", type=int, default=100_000, metavar="N")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        server = stack.enter_context(postgres()) if arguments.postgresql else None
        database = server.database() if server else None
        asyncio.run(run(Path(folder), database, arguments.incidents))


if __name__ == "__main__":
    main()
