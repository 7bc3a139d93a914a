"""One tick over many PromQL series: fetched, parsed, scored and rendered.

Run: python tests/bench/promql.py [--series 100000] [--ticks 5]
The server answers from memory, in a process of its own, so that its CPU is not counted. The first
tick lays everything out; from the eleventh on there are scores to render. The second half has a
hundredth of all series replaced at each tick. Rendered is what is sent: a page packed with gzip.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from aiohttp import web

from exporter.app import App
from exporter.collectors import COLLECTORS
from exporter.config import Config
from exporter.exposition import Page
from exporter.prometheus import answers
from exporter.prometheus.client import Prometheus
from exporter.signals.layout import arrange
from exporter.signals.promql import Promql

SERIES = (
    '{{"metric":{{"__name__":"http_request_duration_seconds","cluster":"production-1",'
    '"endpoint":"/api/v1/{0}","instance":"10.{1}.{2}.{3}:9100","job":"checkout","method":"GET",'
    '"zone":"eu-west-1a"}},"value":[NOW,"{4:.12g}"]}}'
)
HEAD = '{"status":"success","data":{"resultType":"vector","result":['


def body(series: int, first: int) -> bytes:
    """Write an answer whose first series are numbered from `first`, others as always."""
    numbers = [*range(first, first + series // 100), *range(series // 100, series)]
    parts = (
        SERIES.format(n % 10, n >> 16, n >> 8 & 255, n & 255, random.gauss(5, 1)) for n in numbers
    )
    return (HEAD + ",".join(parts) + "]}}").encode()


def serve(port: int, series: int) -> None:
    stable = [body(series, 0) for _ in range(3)]
    churning = [body(series, series * (1 + i)) for i in range(3)]
    asked = {"stable": 0, "churn": 0}

    async def query(request: web.Request) -> web.Response:
        kind = "churn" if "churn" in (await request.text()) else "stable"
        asked[kind] += 1
        text = (churning if kind == "churn" else stable)[asked[kind] % 3]
        now = f"{time.time():.3f}".encode()
        return web.Response(body=text.replace(b"NOW", now), content_type="application/json")

    app = web.Application()
    app.router.add_post("/{path:.*}", query)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


@contextmanager
def running(series: int) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(port, series))
    process.start()
    try:
        wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.join()


def wait_for(port: int) -> None:
    due = time.monotonic() + 120
    while time.monotonic() < due:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server does not start")


@dataclass
class Watch:
    """Seconds and CPU seconds of each phase of a tick."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, phase: str) -> Iterator[None]:
        started, used = time.perf_counter(), time.process_time()
        yield
        self.wall[phase] = self.wall.get(phase, 0) + time.perf_counter() - started
        self.cpu[phase] = self.cpu.get(phase, 0) + time.process_time() - used

    def __str__(self) -> str:
        phases = "  ".join(
            f"{phase} {seconds:.2f} ({self.cpu[phase]:.2f})" for phase, seconds in self.wall.items()
        )
        return f"{sum(self.wall.values()):5.2f} s ({sum(self.cpu.values()):.2f} CPU): {phases}"


def make(url: str, promql: str, series: int) -> App:
    signals = [{"name": "latency", "promql": promql, "limit": series}]
    config = Config.model_validate(
        {
            "prometheus": {"url": url, "deadline": "1m", "history": "0s"},
            "signals": signals,
            "scoring": {"limit": series + series // 5, "grace": "1s"},
            "collectors": dict.fromkeys(COLLECTORS, False),
            "state": False,
        }
    )
    return App(config, lambda: config)


async def tick(app: App, page: Page) -> tuple[Watch, int]:
    """Do what a tick and a scrape do, each phase under the watch."""
    watch, ticker = Watch(), app.service.ticker
    source = ticker.remotes["prometheus"]
    assert isinstance(source, Promql)
    poll, connection = source.polls[0], app._config.prometheus
    assert connection is not None
    with watch.of("fetch"):
        text = await Prometheus(connection).query(poll.query.promql, poll.query.most_bytes)
    with watch.of("parse"):
        answer = answers.parse(text, poll.layout.labels)
    del text
    with watch.of("lay out"):
        poll.layout = arrange(poll.signal, answer.labels, poll.query.limit, poll.layout)
        block = ticker._joint.join([poll._arrived(answer)])
    with watch.of("score"):
        ticker._judge(block, time.monotonic(), time.time())
    with watch.of("render"):
        columns = ticker._columns(block)
        length = sum(map(len, await page.render((), columns)))
    return watch, length


async def measure(url: str, options: argparse.Namespace) -> None:
    process = psutil.Process()
    for promql in ("stable", "churn"):
        app, page = make(url, promql, options.series), Page()
        before = process.memory_info().rss
        for number in range(options.ticks):
            watch, length = await tick(app, page)
            print(f"{promql:6} tick {number + 1}: {watch}; page {length / 1e6:.0f} MB", flush=True)
        each = (process.memory_info().rss - before) / options.series
        print(f"{promql:6} RSS {each:.0f} bytes a series more than before", flush=True)


def run(url: str, options: argparse.Namespace) -> None:
    asyncio.run(measure(url, options))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--ticks", type=int, default=14)
    options = parser.parse_args()
    # as deploy/ has them; read when Python starts
    os.environ.update(MALLOC_TRIM_THRESHOLD_="8388608", MALLOC_MMAP_THRESHOLD_="4194304")
    with running(options.series) as url:
        context = multiprocessing.get_context("spawn")
        measuring = context.Process(target=run, args=(url, options))
        measuring.start()
        measuring.join()
    raise SystemExit(measuring.exitcode)


if __name__ == "__main__":
    main()
