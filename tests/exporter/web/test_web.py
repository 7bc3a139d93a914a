"""The HTTP surface over a real socket."""

import asyncio
import base64
import gzip
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, ClassVar

import numpy as np
import pytest
from aiohttp import ClientPayloadError, ClientResponse, ClientSession
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from exporter.collectors.contract import Collector, Paths
from exporter.detectors.scoring import Rule, Scorer
from exporter.fence import Fence
from exporter.model import Block, Column, Metric, Sample, Snapshot
from exporter.signals.derive import Signals
from exporter.tick import Ticker
from exporter.web import make_web, metrics
from exporter.web.service import Service

VALUE = Metric("app_value", "A value.")
BUILD = Metric("app_build_info", "About.")


class Collecting:
    blocking: ClassVar[bool] = False
    broken = False

    def collect(self, paths: Paths) -> Iterable[Sample]:
        del paths
        if self.broken:
            raise OSError("gone")
        return [VALUE.sample(1)]


class Waiting(Collecting):
    blocking: ClassVar[bool] = True

    def __init__(self) -> None:
        self.gate = threading.Event()

    def collect(self, paths: Paths) -> Iterable[Sample]:
        self.gate.wait(30)
        return super().collect(paths)


def make_service(**collectors: Collector) -> Service:
    fence = Fence(collectors, dict.fromkeys(collectors, 30.0), Paths())
    ticker = Ticker(fence, Signals({}, 75, 8), Scorer(8), Rule(15.0))
    return Service(ticker, "1.2.3", lambda: [BUILD.sample(1)], lambda: ())


Client = TestClient[Any, Any]
Connect = Callable[[Service], Awaitable[Client]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    clients: list[Client] = []

    async def start(service: Service) -> Client:
        clients.append(TestClient(TestServer(make_web(service)), auto_decompress=False))
        await clients[-1].start_server()
        return clients[-1]

    yield start
    for client in clients:
        await client.close()


async def test_the_page_has_exactly_the_type_that_prometheus_wants(connect: Connect) -> None:
    client = await connect(make_service(one=Collecting()))
    answer = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    page = await answer.text()
    assert "app_value 1\n" in page
    assert "app_build_info 1\n" in page
    assert "tocsin_snapshot_timestamp_seconds" not in page, "no tick yet"


@pytest.mark.parametrize(
    ("accepts", "compressed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
    ],
)
async def test_the_page_is_compressed_for_those_who_accept_it(
    connect: Connect,
    accepts: str,
    compressed: bool,  # noqa: FBT001 -- a table
) -> None:
    client = await connect(make_service(one=Collecting()))
    answer = await client.get("/metrics", headers={"Accept-Encoding": accepts})
    body = await answer.read()
    assert (answer.headers.get("Content-Encoding") == "gzip") is compressed
    assert b"app_value 1\n" in (gzip.decompress(body) if compressed else body)


async def test_head_has_the_length_and_no_body(connect: Connect) -> None:
    client = await connect(make_service(one=Collecting()))
    answer = await client.head("/metrics")
    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 0
    assert await answer.read() == b""


async def test_a_scraper_that_leaves_early_is_no_harm(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    service = make_service()
    labels = tuple(f'number="{n}"' for n in range(200_000))
    service.ticker.snapshot = Snapshot(0, (Column(VALUE, labels, np.arange(200_000.0)),))
    client = await connect(service)
    for accepts in ("gzip", "identity"):
        answer = await client.get("/metrics", headers={"Accept-Encoding": accepts})
        await answer.content.readany()
        answer.close()
    answer = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
    assert (await answer.text()).count("\napp_value{") == 200_000
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_a_scraper_that_reads_no_more_is_cut_off(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_LONGEST", 0.2)
    service = make_service()
    labels = tuple(f'number="{n}"' for n in range(400_000))
    service.ticker.snapshot = Snapshot(0, (Column(VALUE, labels, np.arange(400_000.0)),))
    client = await connect(service)
    answer = await client.get("/metrics", headers={"Accept-Encoding": "identity"})
    await asyncio.sleep(1)
    with pytest.raises(ClientPayloadError):
        await answer.read()
    assert (await client.get("/metrics")).status == 200


async def test_what_is_not_there_is_404_and_what_may_not_be_done_is_405(connect: Connect) -> None:
    client = await connect(make_service())
    assert (await client.get("/nowhere")).status == 404
    assert (await client.post("/metrics")).status == 405
    assert (await client.get("/-/reload")).status == 405


async def test_a_scrape_ends_within_the_time_that_prometheus_gives_it(connect: Connect) -> None:
    waiting = Waiting()
    client = await connect(make_service(slow=waiting, good=Collecting()))
    answer = await client.get("/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": "0.05"})
    page = gzip.decompress(await answer.read()).decode()
    waiting.gate.set()
    assert 'tocsin_collector_success{collector="slow"} 0\n' in page
    assert "app_value 1\n" in page


async def test_too_many_scrapes_at_once_are_turned_away(connect: Connect) -> None:
    waiting = Waiting()
    client = await connect(make_service(slow=waiting))
    async with ClientSession() as session:  # which opens as many connections as are asked for
        url = client.make_url("/metrics")
        scrapes = [asyncio.create_task(status(session.get(url))) for _ in range(41)]
        async with asyncio.timeout(30):
            done, _ = await asyncio.wait(scrapes, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result() for task in done] == [503]
        waiting.gate.set()
        assert sorted(await asyncio.gather(*scrapes)) == [200] * 40 + [503]


async def status(request: Any) -> int:
    async with request as answer:
        return int(answer.status)


async def test_ready_after_the_first_tick(connect: Connect) -> None:
    service = make_service(one=Collecting())
    client = await connect(service)
    assert (await client.get("/-/healthy")).status == 200
    assert (await client.get("/-/ready")).status == 503
    assert (await client.get("/health/ready")).status == 503
    await service.ticker.tick()
    assert (await client.get("/-/ready")).status == 200
    assert (await client.get("/health/ready")).status == 200


async def whole(client: Client) -> tuple[int, str]:
    answer = await client.get("/health")
    return answer.status, (await answer.json())["status"]


async def test_health_goes_from_unknown_to_healthy_degraded_and_unhealthy(
    connect: Connect,
) -> None:
    one, two = Collecting(), Collecting()
    service = make_service(one=one, two=two)
    client = await connect(service)
    assert await whole(client) == (200, "unknown")
    await service.ticker.tick()
    assert await whole(client) == (200, "healthy")
    one.broken = True
    await service.ticker.tick()
    assert await whole(client) == (200, "degraded")
    two.broken = True
    await service.ticker.tick()
    assert await whole(client) == (503, "unhealthy")


async def test_health_says_which_collector_fails_and_why(connect: Connect) -> None:
    one = Collecting()
    one.broken = True
    service = make_service(one=one, two=Collecting())
    client = await connect(service)
    await service.ticker.tick()
    checks = (await (await client.get("/health")).json())["checks"]
    assert checks["collectors"] == {"status": "degraded", "detail": "one: OSError: gone"}


async def test_live_is_healthy_even_before_the_first_tick(connect: Connect) -> None:
    client = await connect(make_service())
    answer = await client.get("/health/live")
    assert answer.status == 200
    assert (await answer.json())["status"] == "healthy"


async def test_the_landing_page_links_and_names_the_version(connect: Connect) -> None:
    client = await connect(make_service())
    answer = await client.get("/")
    assert answer.content_type == "text/html"
    page = await answer.text()
    assert "1.2.3" in page
    for line in page.split('href="')[1:]:
        assert (await client.get(line.split('"')[0])).status in {200, 503}


@pytest.fixture
async def guarded(connect: Connect) -> Client:
    service = make_service(one=Collecting())
    service.tokens = (SecretStr("old"), SecretStr("new"))
    return await connect(service)


@pytest.mark.parametrize("path", ["/", "/metrics", "/health", "/health/live", "/nowhere"])
async def test_with_tokens_a_stranger_is_asked_for_one(guarded: Client, path: str) -> None:
    answer: ClientResponse = await guarded.get(path)
    assert answer.status == 401
    assert [one.split()[0] for one in answer.headers.getall("WWW-Authenticate")] == [
        "Bearer",
        "Basic",
    ]


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready"])
async def test_probes_need_no_token(guarded: Client, path: str) -> None:
    assert (await guarded.get(path)).status in {200, 503}


@pytest.mark.parametrize("token", ["old", "new"])
async def test_each_token_passes_as_bearer_and_as_password(guarded: Client, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    basic = {"Authorization": f"Basic {base64.b64encode(f'any:{token}'.encode()).decode()}"}
    for headers in (bearer, basic):
        assert (await guarded.get("/metrics", headers=headers)).status == 200


async def test_a_wrong_token_does_not_reload(guarded: Client) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    assert (await guarded.post("/-/reload", headers=headers)).status == 401


async def test_a_reload_says_what_is_wrong(connect: Connect) -> None:
    service = make_service()
    client = await connect(service)
    assert (await client.post("/-/reload")).status == 200
    service.reload = lambda: ("exporter.yml: a: unknown key", "exporter.yml: b: is missing")
    answer = await client.post("/-/reload")
    assert answer.status == 500
    assert (await answer.text()).splitlines() == list(service.reload())


class Far:
    """A source of values elsewhere that has the trouble the test gives it."""

    skipped: ClassVar[dict[str, int]] = {}
    left_out: ClassVar[dict[str, dict[str, int]]] = {}
    names: ClassVar[tuple[str, ...]] = ()
    trouble = ""
    lasting = False

    def samples(self) -> list[Sample]:
        return []

    def begin(self) -> None:
        pass

    def cancel(self) -> None:
        pass

    async def take(self, due: float) -> list[Block]:
        del due
        return []


async def test_health_is_degraded_while_values_from_elsewhere_do_not_come(
    connect: Connect,
) -> None:
    service, far = make_service(one=Collecting()), Far()
    service.ticker.exchange({"prometheus": far})
    await service.ticker.tick()
    client = await connect(service)
    answer = await (await client.get("/health")).json()
    assert answer["checks"]["prometheus"] == {"status": "healthy", "detail": "well"}
    far.trouble = "load: HTTP 503: too busy"
    answer = await (await client.get("/health")).json()
    assert answer["status"] == "degraded"
    assert answer["checks"]["prometheus"]["detail"] == "load: HTTP 503: too busy"
    assert (await client.get("/health/ready")).status == 200
