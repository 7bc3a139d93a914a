"""What the engine of responses costs: `python -m tests.bench.responses`.

Prints the CPU time of a look at open alerts with a thousand runbooks, when all of them are new and
when none is, and the time from an accepted alert to the first step of its response.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp

from receiver.intake.webhook import parse
from receiver.store.store import Store
from tests.receiver.responses.kit import TRUE, House, command, runbook
from tests.receiver.webhooks import alert, body

_RUNBOOKS, _GROUPS, _ALERTS, _TIMES = 1_000, 200, 10, 50


async def look(folder: Path) -> None:
    """Time a look with many runbooks, of which none is for what fires."""
    async with opened(folder / "look.db") as house:
        books = [
            runbook(name=f"mend-{n}", match=[f'alertname="Other{n}"']) for n in range(_RUNBOOKS)
        ]
        house.runbooks = {book.name: book for book in books}
        for group in range(_GROUPS):
            alerts = [alert(f"web-{group}-{n}") for n in range(_ALERTS)]
            await house.intake.accept(body(alerts, groupKey=f"g{group}"), house.now)
        for words in ("new", "known"):
            begun = time.process_time()
            await house.engine.once(house.now)
            spent = (time.process_time() - begun) * 1e3
            print(f"{_GROUPS * _ALERTS} {words} alerts, {_RUNBOOKS} runbooks: {spent:.0f} ms CPU")


async def start(folder: Path) -> None:
    """Time from accepted to the first step, one alert after the other."""
    async with opened(folder / "start.db") as house:
        guard = {"rate": "10000/1h", "blast": {"most": 10_000}}
        book = runbook(command(TRUE), guard=guard, verify={"checks": _NEVER})
        house.runbooks = {book.name: book}
        running = asyncio.create_task(house.engine.run())
        waits = []
        for number in range(_TIMES):
            begun = time.perf_counter()
            await house.intake.accept(
                body([alert(f"web-{number}")], groupKey=f"g{number}"), house.now
            )
            house.engine.wake()
            while not await house.store.runs.steps(number + 1):  # noqa: ASYNC110 -- rings no bell
                await asyncio.sleep(0.002)
            waits.append((time.perf_counter() - begun) * 1e3)
        running.cancel()
        worst = statistics.quantiles(waits, n=100)[98]
        print(f"accepted to first step: p50 {statistics.median(waits):.0f} ms, p99 {worst:.0f} ms")


_NEVER = [{"check": "tcp", "address": "127.0.0.1:1"}]


class opened:  # noqa: N801 -- used like a function
    """A house on a store of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def __aenter__(self) -> House:
        self.store = await Store.open(self.path, parse)
        self.http = aiohttp.ClientSession()
        return House(self.store, self.http)

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()
        await self.store.close()


async def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as folder:
        await look(Path(folder))
        await start(Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
