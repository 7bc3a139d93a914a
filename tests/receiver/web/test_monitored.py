"""How what is monitored does is asked of a real Prometheus, and of the exporters themselves."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from receiver.upstream.exporters import Exporter
from receiver.web.auth import Token
from receiver.web.keys import Site
from tests.fakes.web import Answer, FakeWeb
from tests.receiver import refusals
from tests.receiver.clients import Client
from tests.receiver.web.prometheus import manage

TARGETS, HEALTH, METRICS = "/api/v1/targets", "/api/v1/health", "/api/v1/metrics"
DOWN = {"tick": {"status": "unhealthy", "detail": "99 s old"}}


@dataclass
class Elsewhere(FakeWeb):
    """Answers with a status and a document, once it may."""

    said: Any = None
    status: int = 200
    free: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def reply(self, _: web.Request) -> Answer:
        self.arrived.release()
        await self.free.wait()
        return web.json_response(self.said, status=self.status)


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    async with Elsewhere() as fake:
        fake.free.set()
        yield fake
        fake.free.set()


async def scraped(client: Client, **query: str) -> dict[str, Any]:
    """Ask for the targets, once all of them were scraped."""
    until = time.monotonic() + 30
    while True:
        said: dict[str, Any] = await (await client.get(TARGETS, params=query)).json()
        if len(said["jobs"]) > 1 and all(not each["unknown"] for each in said["jobs"]):
            return said
        assert time.monotonic() < until
        await asyncio.sleep(0.05)


def failures(site: Site) -> dict[tuple[str, ...], float]:
    (counted,) = site.metrics.upstream_failures.collect()
    return {(*each.labels.values(),): each.value for each in counted.samples if each.value}


@pytest.mark.usefixtures("up")
async def test_targets_say_what_is_down_and_why(client: Client) -> None:
    said = await scraped(client)
    dead, alive = said["targets"]
    assert said["jobs"] == [
        {"job": "dead", "up": 0, "down": 1, "unknown": 0},
        {"job": "prometheus", "up": 1, "down": 0, "unknown": 0},
    ]
    assert (dead["instance"], dead["health"]) == ("127.0.0.1:1", "down")
    assert "connection refused" in dead["error"]
    assert "key=x" not in dead["error"]
    assert (alive["health"], alive["error"]) == ("up", "")
    assert [each["job"] for each in (await scraped(client, health="up"))["targets"]] == [
        "prometheus"
    ]
    assert (await scraped(client, job="dead"))["targets_total"] == 1
    assert (await client.get(TARGETS, params={"health": "odd"})).status == 400


@pytest.mark.usefixtures("up")
async def test_a_query_is_passed_on_within_bounds(client: Client, site: Site) -> None:
    asked = {"query": "vector(2) > 1", "start": "1800000000", "end": "1800000060", "step": "30s"}
    said = await (await client.get(METRICS, params=asked)).json()
    points = [[1.8e9, 2.0], [1.8e9 + 30, 2.0], [1.8e9 + 60, 2.0]]
    assert said["series"] == [{"labels": {}, "values": points}]
    usual = await (await client.get(METRICS, params={"query": "1"})).json()
    assert (usual["end"] - usual["start"], usual["step"]) == (3600, 15)
    for change, place in (
        ({"query": " "}, "query"),
        ({"query": "sum("}, "query"),
        ({"query": "x" * 4_001}, "query"),
        ({"start": "soon"}, "start"),
        ({"start": "nan"}, "start"),
        ({"end": "0001-01-01"}, "end"),
        ({"end": "1"}, "start"),
        ({"step": "0"}, "step"),
        ({"step": "1ms"}, "step"),
        ({"start": "1", "step": "1"}, "step"),
    ):
        answer = await client.get(METRICS, params=asked | change)
        assert answer.status == 400, change
        assert await refusals.places(answer) == [place]
    assert failures(site) == {}


@pytest.mark.usefixtures("up")
async def test_health_is_the_worst_of_all(client: Client, site: Site, elsewhere: Elsewhere) -> None:
    await scraped(client)
    said = await (await client.get(HEALTH)).json()
    assert said["state"] == "degraded"
    assert said["prometheus"]["targets"] == {"up": 1, "down": 1, "unknown": 0}
    assert site.desk is not None
    told = (Exporter(url=elsewhere.base), Exporter(url="http://127.0.0.1:1"))
    site.desk = replace(site.desk, acting=replace(site.desk.acting, exporters=told))
    elsewhere.said, elsewhere.status = {"status": "unhealthy", "checks": DOWN}, 503
    said = await (await client.get(HEALTH)).json()
    assert said["state"] == "unhealthy"
    ill, away = said["exporters"]
    tick = {"tick": {"state": "unhealthy", "detail": "99 s old"}}
    assert (ill["checks"], ill["state"]) == (tick, "unhealthy")
    assert (away["instance"], away["state"]) == ("127.0.0.1:1", "unhealthy")
    assert failures(site) == {("exporter", "unreachable"): 1}


async def test_what_is_not_answered_is_said_and_counted(
    client: Client, site: Site, http: ClientSession, tmp_path: Path, elsewhere: Elsewhere
) -> None:
    assert (await client.get(TARGETS)).status == 409
    manage(site, http, elsewhere.base, tmp_path / "managed.yml")
    elsewhere.said = ["odd"]
    for path in (TARGETS, f"{METRICS}?query=up", "/api/v1/rules"):
        answer = await client.get(path)
        assert answer.status == 502
        await refusals.read(answer)
    assert (await (await client.get(HEALTH)).json())["prometheus"]["state"] == "unhealthy"
    assert failures(site) == {
        ("targets", "unexpected"): 2,
        ("metrics", "unexpected"): 1,
        ("rules", "unexpected"): 1,
    }


async def test_one_question_too_many_is_turned_away(
    client: Client, site: Site, http: ClientSession, tmp_path: Path, elsewhere: Elsewhere
) -> None:
    manage(site, http, elsewhere.base, tmp_path / "managed.yml")
    elsewhere.free.clear()
    waiting = [asyncio.ensure_future(client.get(TARGETS)) for _ in range(4)]
    for _ in waiting:
        await elsewhere.arrived.acquire()
    assert (await client.get(TARGETS)).status == 503
    elsewhere.free.set()
    assert [each.status for each in await asyncio.gather(*waiting)] == [502] * 4


async def test_who_may_not_read_is_told_nothing(client: Client, guarded: list[Token]) -> None:
    assert guarded
    for path in (TARGETS, HEALTH, METRICS):
        assert (await client.get(path)).status == 401
        ingest = {"Authorization": "Bearer ingest"}
        assert (await client.get(path, headers=ingest)).status == 403
