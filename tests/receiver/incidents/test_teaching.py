"""A verdict reaches the exporter that raised the anomaly, and only that one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from receiver import metrics
from receiver.incidents.acting import Acting, Actor, Wish
from receiver.incidents.people import Person, Role
from receiver.store.records import Decision
from receiver.store.store import Store
from receiver.upstream.exporters import Exporter, series_of
from tests.receiver.webhooks import START, alert, webhook

ADA = Actor("ada", Person(name="Ada", roles=(Role.OPERATE,)))


@dataclass
class FakeExporter:
    """Knows the series of one signal, and keeps what it is taught."""

    taught: list[dict[str, Any]] = field(default_factory=list)
    status: int = 201

    async def show(self, _: web.Request) -> web.Response:
        series = [{"labels": {"device": device}} for device in ("sda", "sdb")]
        return web.json_response({"series": series})

    async def learn(self, request: web.Request) -> web.Response:
        self.taught.append(await request.json())
        return web.json_response({}, status=self.status)


@pytest.fixture
def exporter() -> FakeExporter:
    return FakeExporter()


@pytest.fixture
async def url(exporter: FakeExporter) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/api/v1/signals/disk_busy", exporter.show)
    app.router.add_post("/api/v1/signals/disk_busy/labels", exporter.learn)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


async def judge(store: Store, urls: list[str], verdict: str, **labels: str) -> tuple[str, float]:
    """Judge an anomaly; returns the outcome, and how often an exporter was not told."""
    told = webhook([alert("web-1", "firing", 0, signal="disk_busy", **labels)])
    await store.accept(told, lambda _: Decision(("ops",)))
    numbers = metrics.create("0", ["ops"])

    async def announce(*_: object) -> Decision:
        raise AssertionError("nobody is told of a verdict")

    async with ClientSession() as http:
        known = tuple(Exporter(url=each) for each in urls)
        acting = Acting(store, http, numbers, announce, None, known)
        result = await acting.act(ADA, 1, Wish(verdict))
    labels = {"verb": verdict, "outcome": "untold"}
    return result.outcome, numbers.registry.get_sample_value("tocsin_acts_total", labels) or 0.0


@pytest.mark.parametrize(
    ("verdict", "said"), [("useful", "true"), ("late", "true"), ("noise", "false")]
)
async def test_the_exporter_learns_whether_the_alarm_of_that_series_was_right(
    store: Store, exporter: FakeExporter, url: str, verdict: str, said: str
) -> None:
    assert await judge(store, [url], verdict, device="sdb") == ("done", 0)
    (taught,) = exporter.taught
    assert taught == {
        "verdict": said,
        "labels": {"device": "sdb"},
        "by": "Ada",
        "at": START.isoformat(),
    }


async def test_of_several_exporters_the_one_is_told_that_the_alert_names(
    store: Store, exporter: FakeExporter, url: str
) -> None:
    instance = url.removeprefix("http://")
    others = ["http://127.0.0.1:9", url]
    assert await judge(store, others, "noise", device="sda", instance=instance) == ("done", 0)
    assert len(exporter.taught) == 1


@pytest.mark.parametrize("labels", [{"device": "sdz"}, {}])
async def test_a_series_that_it_does_not_know_is_left_alone(
    store: Store, exporter: FakeExporter, url: str, labels: dict[str, str]
) -> None:
    assert await judge(store, [url], "noise", **labels) == ("done", 0)
    assert exporter.taught == []


async def test_an_exporter_that_refuses_costs_the_verdict_nothing_and_is_counted(
    store: Store, exporter: FakeExporter, url: str
) -> None:
    exporter.status = 409
    assert await judge(store, [url], "noise", device="sda") == ("done", 1)
    assert await store.verdicts.of(1) == "noise"


def test_the_series_with_most_of_the_alerts_labels_is_meant() -> None:
    every = [{}, {"a": "1"}, {"a": "1", "b": "2"}, {"a": "1", "c": "3"}]
    assert series_of(every, {"a": "1", "b": "2", "x": "y"}) == {"a": "1", "b": "2"}
    assert series_of(every[3:], {"a": "1"}) is None
