"""How long messages take to arrive: idle, in a storm, beside a channel that hangs, after a night.

`python -m tests.bench.delivery [idle] [storm] [hangs] [backlog] [shared-backlog]` starts the real
receiver in a process of its own, with providers played in this one that enforce their limits.
Times go from Alertmanager's 200 to the provider's. Load is made on the same cores.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from sqlalchemy import URL

from receiver.intake.webhook import parse
from receiver.store.records import Decision, Webhook
from receiver.store.store import Store
from tests.bench.accept import memory, place
from tests.e2e.serving import configure, receiver
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.hook import FakeHook
from tests.fakes.postgres import postgres
from tests.fakes.slack import FakeSlack
from tests.fakes.web import Answer, FakeWeb
from tests.receiver.webhooks import alert, body

_JSON = {"Content-Type": "application/json"}


@dataclass
class Clocked:
    """When each body came to a provider, so that a name can be looked for in it."""

    came: list[tuple[float, str]] = field(default_factory=list)

    def watch(self, fake: FakeWeb) -> None:
        reply = fake.reply

        async def noting(request: web.Request) -> Answer:
            said = (await request.read()).decode()
            answer = await reply(request)
            if answer.status == 200 and '"errcode": 13' not in getattr(answer, "text", ""):
                self.came.append((time.perf_counter(), said))
            return answer

        fake.reply = noting  # type: ignore[method-assign]  # the fake's own answer, and the time

    def arrival(self, name: str) -> float | None:
        return next((at for at, said in self.came if f"{name}-" in said), None)


@dataclass
class Stage:
    """The providers of a run, and the configuration that leads to them."""

    folder: Path
    channels: dict[str, Any] = field(default_factory=dict)
    clocks: dict[str, Clocked] = field(default_factory=dict)
    fakes: dict[str, FakeWeb] = field(default_factory=dict)

    def add(self, name: str, fake: FakeWeb, url: str, **section: Any) -> None:
        (self.folder / f"{name}.url").write_text(url)
        self.channels[name] = {"url_file": f"{name}.url", **section}
        self.fakes[name] = fake
        self.clocks[name] = Clocked()
        self.clocks[name].watch(fake)

    def configure(self, **more: Any) -> Path:
        return configure(self.folder, channels=self.channels, **more)


@asynccontextmanager
async def stage(names: Sequence[str]) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = Stage(folder)
        for name in names:
            if name == "dingtalk":
                robot = await stack.enter_async_context(FakeDingTalk(secret=""))
                made.add(name, robot, robot.url, type="dingtalk")
            elif name == "slack":
                slack = await stack.enter_async_context(FakeSlack(burst=1))
                made.add(name, slack, slack.hook, type="slack")
            else:
                hook = await stack.enter_async_context(FakeHook())
                text = '{"text": {"content": {{ title ~ " " ~ text }}}}'
                made.add(name, hook, f"{hook.base}/{name}", type="webhook", body=text)
        yield made


async def post(http: ClientSession, url: str, said: bytes) -> float:
    """Hand in a webhook; returns when it was accepted."""
    async with http.post(f"{url}/webhook/alertmanager", data=said, headers=_JSON) as answer:
        assert answer.status in {200, 503}, await answer.text()
        if answer.status == 503:
            await asyncio.sleep(0.5)
    return time.perf_counter()


def single(name: str, severity: str = "critical") -> bytes:
    """A webhook of one alert whose host is `name-`, found in no other name."""
    return body([alert(f"{name}-", severity=severity)], groupKey=name)


async def delays(clock: Clocked, accepted: dict[str, float], patience: float) -> list[float]:
    """Wait until all names have arrived; returns the seconds each took."""
    async with asyncio.timeout(patience):
        while any(clock.arrival(name) is None for name in accepted):  # noqa: ASYNC110 -- it polls
            await asyncio.sleep(0.05)
    return sorted((clock.arrival(name) or 0) - at for name, at in accepted.items())


def say(title: str, took: Sequence[float]) -> None:
    at = statistics.quantiles(took, n=100, method="inclusive")
    print(
        f"{title}: p50 {at[49] * 1000:.1f} ms, p99 {at[98] * 1000:.1f} ms,"
        f" most {took[-1] * 1000:.1f} ms ({len(took)} messages)"
    )


async def trickle(
    http: ClientSession, url: str, prefix: str, count: int, pause: float
) -> dict[str, float]:
    """Hand in one critical alert after the other; returns when each was accepted."""
    accepted = {}
    for number in range(count):
        name = f"{prefix}{number:04}"
        accepted[name] = await post(http, url, single(name))
        await asyncio.sleep(pause)
    return accepted


async def idle() -> None:
    """Accept to delivered while nothing else happens."""
    async with stage(["hook"]) as made, receiver(made.configure()) as run, ClientSession() as http:
        accepted = await trickle(http, run.url, "idle", 200, 0.02)
        say("idle, accepted to delivered", await delays(made.clocks["hook"], accepted, 30))


async def critical_in_a_storm(http: ClientSession, url: str, count: int) -> dict[str, float]:
    """Hand in a critical alert every second while eight clients post ten warnings at a time."""
    stop, posts = asyncio.Event(), [0]

    async def flood(client: int) -> None:
        while not stop.is_set():
            group = f"storm-{client}-{posts[0]}"
            said = [alert(f"{group}/{n}", severity="warning") for n in range(10)]
            await post(http, url, body(said, groupKey=group))
            posts[0] += 1

    start = time.perf_counter()
    floods = [asyncio.create_task(flood(client)) for client in range(8)]
    await asyncio.sleep(5)
    accepted = await trickle(http, url, "crit", count, 1)
    stop.set()
    await asyncio.gather(*floods)
    print(f"storm of {posts[0] * 10 / (time.perf_counter() - start):.0f} alerts/s")
    return accepted


async def storm() -> None:
    """Four channels in a storm: first whichever is first, then each."""
    names = ["hook", "slack", "dingtalk", "other"]
    async with stage(names) as made, receiver(made.configure()) as run, ClientSession() as http:
        accepted = await critical_in_a_storm(http, run.url, 60)
        first = {name: min(_arrivals(made, name)) for name in accepted}
        say("critical in the storm, first channel", sorted(first[n] - accepted[n] for n in first))
        for name in names:
            took = await delays(made.clocks[name], accepted, 120)
            say(f"  {name}, {len(made.clocks[name].came)} messages in all", took)
        refused = made.fakes["dingtalk"].errors  # type: ignore[attr-defined]  # the fake of DingTalk
        print(f"  DingTalk refused {len(refused)}; {memory(run)}")


def _arrivals(made: Stage, name: str) -> list[float]:
    found = (clock.arrival(name) for clock in made.clocks.values())
    return [at for at in found if at is not None]


async def hangs() -> None:
    """One channel that never answers, beside one that does."""
    for trouble in (False, True):
        async with stage(["hook", "dead"]) as made, ClientSession() as http:
            if trouble:
                made.fakes["dead"].broken["/dead"] = "hangs"
            async with receiver(made.configure()) as run:
                accepted = await trickle(http, run.url, "beside", 200, 0.02)
                took = await delays(made.clocks["hook"], accepted, 30)
                say(f"beside a channel that {'hangs' if trouble else 'works'}", took)


async def shared_backlog() -> None:
    """Start so on PostgreSQL."""
    with postgres() as server:
        await backlog(server.database())


async def backlog(database: URL | None = None, rows: int = 100_000) -> None:
    """Start with a hundred thousand messages owed to a paced channel."""
    async with stage(["slack"]) as made, ClientSession() as http:
        config = made.configure(**place(made.folder, database))
        await fill(database or made.folder / "state" / "tocsin.db", rows)
        start = time.perf_counter()
        async with receiver(config) as run:
            print(f"backlog of {rows}: listening after {time.perf_counter() - start:.1f} s")
            accepted = await trickle(http, run.url, "late", 20, 0.5)
            say("  critical beside the backlog", await delays(made.clocks["slack"], accepted, 60))
            await drained(http, run.url)
            seconds, sent = time.perf_counter() - start, len(made.clocks["slack"].came)
            print(f"  told in {sent} messages after {seconds:.0f} s; {memory(run)}")


async def fill(database: Path | URL, rows: int) -> None:
    """Owe messages that came during a night, each of a group of its own."""
    store = await Store.open(database, parse, patience=600)
    since = datetime.now(UTC) - timedelta(hours=8)

    async def owe(number: int) -> None:
        said = body([alert(f"night-{number}", severity="warning")], groupKey=f"night-{number}")
        told = Webhook(said, parse(said), since + timedelta(seconds=number / 10))
        await store.accept(told, lambda _: Decision(("slack",)))

    for start in range(0, rows, 256):
        await asyncio.gather(*(owe(n) for n in range(start, min(rows, start + 256))))
    await store.close()


async def drained(http: ClientSession, url: str) -> None:
    while True:
        async with http.get(f"{url}/metrics") as page:
            if 'tocsin_queue_deliveries{channel="slack"} 0.0' in await page.text():
                return
        await asyncio.sleep(1)


RUNS: dict[str, Callable[[], Coroutine[None, None, None]]] = {
    "idle": idle,
    "hangs": hangs,
    "storm": storm,
    "backlog": backlog,
    "shared-backlog": shared_backlog,
}


async def main() -> None:
    """Run what is named, or everything."""
    for name in sys.argv[1:] or RUNS:
        await RUNS[name]()


if __name__ == "__main__":
    asyncio.run(main())
