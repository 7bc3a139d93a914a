"""What is sent is matched by groups and models, and what matches nothing is told."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from exporter.app import App
from exporter.collectors import COLLECTORS
from exporter.config import Config
from exporter.exposition import render
from exporter.web import make_web

HEALTHY = ("healthy", "all that is configured has been found")


def make(**keys: object) -> App:
    off = dict.fromkeys(COLLECTORS, False) | {"loadavg": True}
    config = Config.model_validate({"collectors": off, "state": False} | keys)
    return App(config, lambda: config)


async def send(client: TestClient[Any, Any], *names: str) -> None:
    sent = [
        {"name": name, "labels": {"shop": shop}, "value": i}
        for i, name in enumerate(names)
        for shop in "ab"
    ]
    answer = await client.post("/api/v1/observations", json={"observations": sent})
    assert answer.status == 202, await answer.text()


async def page(app: App) -> set[str]:
    snapshot = await app.service.ticker.tick()
    text = b"".join(render(snapshot.samples, snapshot.columns)).decode()
    return {line.rsplit(" ", 1)[0] for line in text.splitlines()}


async def names(client: TestClient[Any, Any]) -> tuple[str, str]:
    check = (await (await client.get("/health")).json())["checks"]["names"]
    return check["status"], check["detail"]


async def test_what_is_sent_belongs_to_the_groups_and_models_that_name_it() -> None:
    app = make(
        groups=[{"by": ["shop"], "signals": ["orders", "carts.*"]}],
        models={"signals": ["orders"]},
    )
    async with TestClient(TestServer(make_web(app.service))) as client:
        await send(client, "orders", "carts_open")
        await page(app)
        listed = (await (await client.get("/api/v1/groups")).json())["groups"]
        assert [(one["name"], one["present"]) for one in listed] == [("shop=a", 2), ("shop=b", 2)]
        assert [key.signal for key in app.service.ticker.models._layout.keys] == ["orders"] * 2
        assert await names(client) == HEALTHY


NOWHERE: dict[str, Any] = {
    "prometheus": {"url": "http://127.0.0.1:1"},
    "signals": [
        {"name": "queue", "metric": "node_laod1"},
        {"name": "rate", "promql": "rate(x)"},
        {"name": "load", "metric": "node_load1"},
    ],
    "models": {"signals": ["orders", "shop_.*"]},
    "groups": [{"by": ["shop"]}, {"name": "all"}],
}


async def test_what_matches_nothing_is_told_and_after_a_while_is_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = make(**NOWHERE)
    async with TestClient(TestServer(make_web(app.service))) as client:
        assert not [name for name in await page(app) if "unmatched" in name]
        status, detail = await names(client)
        assert status == "healthy"
        assert [part.split(" matches nothing: ")[0] for part in detail.split("; ")] == [
            *("signals: queue", "signals: rate", "models.signals: orders"),
            *("models.signals: shop_.*", "groups: shop"),
        ]
        later = SimpleNamespace(monotonic=lambda: time.monotonic() + 901, time=time.time)
        with monkeypatch.context() as patch:
            for module in ("exporter.tick.time", "exporter.web.health.time"):
                patch.setattr(module, later)
            told = {name for name in await page(app) if name.startswith("tocsin_config_unmatched")}
            assert told == {
                'tocsin_config_unmatched{section="signals",name="queue"}',
                'tocsin_config_unmatched{section="signals",name="rate"}',
                'tocsin_config_unmatched{section="models.signals",name="orders"}',
                'tocsin_config_unmatched{section="models.signals",name="shop_.*"}',
                'tocsin_config_unmatched{section="groups",name="shop"}',
            }
            assert (await names(client))[0] == "degraded"


async def test_what_has_matched_once_is_no_longer_told() -> None:
    app = make(models={"signals": ["orders", "ord.*"]}, groups=[{"by": ["shop"]}])
    async with TestClient(TestServer(make_web(app.service))) as client:
        await page(app)
        assert (await names(client))[1] != HEALTHY[1]
        await send(client, "orders")
        for _ in range(2):
            await page(app)
            assert await names(client) == HEALTHY
