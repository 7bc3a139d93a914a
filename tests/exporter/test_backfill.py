import asyncio
import math
import time
from collections.abc import AsyncIterator

import pytest

from exporter.app import App
from exporter.collectors import COLLECTORS
from exporter.config import Config
from exporter.exposition import render
from tests.fakes.prometheus import FakePrometheus, Point


def wave(at: float) -> list[Point]:
    """Two series with an hour's rhythm."""
    return [({"host": name}, round(math.sin(at / 97 + i), 3)) for i, name in enumerate("ab")]


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus(now=None) as fake:
        fake.series["load"] = wave
        yield fake


def make(prometheus: FakePrometheus, history: str = "2h") -> App:
    config = Config.model_validate(
        {
            "prometheus": {"url": prometheus.base, "history": history, "deadline": "5s"},
            "signals": [{"name": "load", "promql": "load"}],
            "collectors": dict.fromkeys(COLLECTORS, False) | {"meminfo": True},
            "state": False,
            "interval": "15s",
        }
    )
    return App(config, lambda: config)


async def tick(app: App) -> dict[str, float]:
    snapshot = await app.service.ticker.tick()
    lines = b"".join(render(snapshot.samples, snapshot.columns)).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


async def filled(app: App) -> dict[str, float]:
    """Tick until the past is learned; returns the first page with the signal on it."""
    async with asyncio.timeout(60):
        while True:
            page = await tick(app)
            if any('signal="load"' in name and "value" in name for name in page):
                return page
            await asyncio.sleep(0.01)


def ranges(prometheus: FakePrometheus) -> list[dict[str, str]]:
    return [form for form in prometheus.asked if "step" in form]


A = '{signal="load",host="a"}'


async def test_a_signal_is_scored_at_its_first_tick(prometheus: FakePrometheus) -> None:
    page = await filled(make(prometheus))
    assert page[f"tocsin_anomaly_score{A}"] < 1
    assert page[f"tocsin_anomalies_total{A}"] == 0
    assert page['tocsin_signals{state="warming"}'] <= 1, "the host's own memory alone"


async def test_own_signals_are_scored_meanwhile_and_the_wait_is_told(
    prometheus: FakePrometheus,
) -> None:
    prometheus.next.append("hangs")
    app = make(prometheus)
    page = await tick(app)
    assert 'tocsin_signal_value{signal="memory_utilisation"}' in page
    assert page['tocsin_series_skipped_total{reason="backfill"}'] == 1
    assert app.service.ticker.remotes["prometheus"].trouble == "the past is being learned"
    app.service.ticker.exchange({})


async def test_alarms_of_the_past_are_not_counted(prometheus: FakePrometheus) -> None:
    start = time.time()
    prometheus.series["load"] = lambda at: [
        (labels, 1000.0 if start - 2000 < at < start - 1900 else value)
        for labels, value in wave(at)
    ]
    app = make(prometheus)
    assert (await filled(app))[f"tocsin_anomalies_total{A}"] == 0
    prometheus.now = time.time() + 5
    prometheus.says("load", *((labels, 3000.0) for labels, _ in wave(0)))
    assert (await tick(app))[f"tocsin_anomalies_total{A}"] == 1, "those to come are"


async def test_more_than_one_answer_holds_is_asked_for_in_parts_in_the_order_of_time(
    prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.prometheus.history._MOST_AT_ONCE", 500)
    page = await filled(make(prometheus))
    assert f"tocsin_anomaly_score{A}" in page
    bounds = [(float(form["start"]), float(form["end"])) for form in ranges(prometheus)]
    assert len(bounds) == 2
    assert bounds[0][1] < bounds[1][0]


async def test_what_is_known_already_is_not_asked_for_again(prometheus: FakePrometheus) -> None:
    app = make(prometheus)
    await filled(app)
    began = time.time()
    app.service.ticker.exchange(app._remotes())
    prometheus.now = None
    await filled(app)
    late = [form for form in ranges(prometheus) if float(form["end"]) > began]
    assert all(float(form["start"]) > began - 60 for form in late)
    assert len(ranges(prometheus)) <= 2


@pytest.mark.parametrize("ugly", [503, "html", "closes"])
async def test_without_its_past_a_signal_begins_all_the_same(
    prometheus: FakePrometheus, ugly: int, caplog: pytest.LogCaptureFixture
) -> None:
    prometheus.broken["/api/v1/query_range"] = ugly
    page = await filled(make(prometheus))
    assert page[f"tocsin_signal_value{A}"] == pytest.approx(0, abs=1)
    assert f"tocsin_anomaly_score{A}" not in page
    assert [m for m in caplog.messages if "begins without all of its past" in m]


async def test_a_signal_that_is_not_answered_at_the_start_is_told(
    prometheus: FakePrometheus, caplog: pytest.LogCaptureFixture
) -> None:
    prometheus.next.append(503)
    await filled(make(prometheus))
    assert "signal load begins without its past: HTTP 503: something went wrong" in caplog.messages
