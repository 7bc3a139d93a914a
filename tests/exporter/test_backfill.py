import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

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


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again soon, and believe a Prometheus at once that all is there."""
    monkeypatch.setattr("exporter.backfill._PAUSES", (0.02, 0.05))
    monkeypatch.setattr("exporter.signals.promql._SETTLED", 0)


def make(
    prometheus: FakePrometheus, history: str = "2h", sensitivity: str | float = "medium"
) -> App:
    config = Config.model_validate(
        {
            "prometheus": {"url": prometheus.base, "history": history, "deadline": "5s"},
            "signals": [{"name": "load", "promql": "load", "sensitivity": sensitivity}],
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


async def until(app: App, done: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """Tick until the page is like this; returns it."""
    async with asyncio.timeout(60):
        while True:
            page = await tick(app)
            if done(page):
                return page
            await asyncio.sleep(0.01)


async def filled(app: App) -> dict[str, float]:
    """Tick until the past is learned; returns the first page with the signal on it."""
    return await until(app, lambda page: f"tocsin_signal_value{A}" in page)


def trouble(app: App) -> str:
    return app.service.ticker.remotes["prometheus"].trouble


def ranges(prometheus: FakePrometheus) -> list[dict[str, str]]:
    return [form for form in prometheus.asked if "step" in form]


A = '{signal="load",host="a"}'
FAILURES = 'tocsin_backfill_failures_total{signal="load"}'


async def test_a_signal_is_scored_at_its_first_tick(prometheus: FakePrometheus) -> None:
    page = await filled(make(prometheus))
    assert page[f"tocsin_anomaly_score{A}"] < 1
    assert page[f"tocsin_anomalies_total{A}"] == 0
    assert page['tocsin_signals{state="warming"}'] <= 1, "the host's own memory alone"


async def test_own_signals_are_scored_meanwhile_and_the_wait_is_told(
    prometheus: FakePrometheus,
) -> None:
    prometheus.broken["/api/v1/query_range"] = "hangs"
    app = make(prometheus)
    page = await tick(app)
    assert 'tocsin_signal_value{signal="memory_utilisation"}' in page
    assert page['tocsin_series_skipped_total{reason="backfill"}'] == 2
    assert trouble(app) == "load: the past is being learned"
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


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("ugly", [503, 429, "html", "closes"])
async def test_a_past_that_is_not_answered_is_asked_for_again(
    prometheus: FakePrometheus, ugly: int, caplog: pytest.LogCaptureFixture
) -> None:
    prometheus.broken["/api/v1/query_range"] = ugly
    app = make(prometheus)
    page = await until(app, lambda page: page[FAILURES] >= 2)
    assert f"tocsin_signal_value{A}" not in page, "it could not learn its past after that"
    assert trouble(app).startswith("load: its past is not learned yet: ")
    assert len([m for m in caplog.messages if "trying again" in m]) == 1
    prometheus.broken.clear()
    assert f"tocsin_anomaly_score{A}" in await filled(app)
    assert trouble(app) == ""


@pytest.mark.usefixtures("quick")
async def test_a_past_learned_in_part_is_asked_for_from_there_on(
    prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.prometheus.history._MOST_AT_ONCE", 200)
    start = time.time()
    told: list[float] = []

    def falters(at: float) -> list[Point]:
        if not told and start - 3700 < at < start - 3000:
            told.append(at)
            prometheus.next.append(503)
        return wave(at)

    prometheus.series["load"] = falters
    page = await filled(make(prometheus))
    assert f"tocsin_anomaly_score{A}" in page
    assert page[FAILURES] == 1
    starts = [float(form["start"]) for form in ranges(prometheus)]
    assert len(starts) > 4
    assert starts == sorted(starts)


@pytest.mark.parametrize("ugly", [400, 422])
async def test_without_a_past_that_is_refused_a_signal_begins_at_once(
    prometheus: FakePrometheus, ugly: int, caplog: pytest.LogCaptureFixture
) -> None:
    prometheus.broken["/api/v1/query_range"] = ugly
    page = await filled(make(prometheus))
    assert page[f"tocsin_signal_value{A}"] == pytest.approx(0, abs=1)
    assert f"tocsin_anomaly_score{A}" not in page
    assert page[FAILURES] == 1
    assert [m for m in caplog.messages if "begins without all of its past" in m]


@pytest.mark.usefixtures("quick")
async def test_a_past_that_never_comes_is_waited_for_no_longer_than_the_deadline(
    prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.backfill._DEADLINE", 0.3)
    prometheus.broken["/api/v1/query_range"] = 503
    app = make(prometheus)
    assert f"tocsin_signal_value{A}" in await filled(app)
    assert trouble(app) == ""


@pytest.mark.usefixtures("quick")
async def test_a_prometheus_that_is_down_at_the_start_costs_no_past(
    prometheus: FakePrometheus,
) -> None:
    prometheus.broken["/api/v1/query"] = 503
    app = make(prometheus)
    page = await tick(app)
    assert page['tocsin_signal_query_success{signal="load"}'] == 0
    assert page['tocsin_series_skipped_total{reason="prometheus_error"}'] == 1
    assert "its past is learned once it is answered" in trouble(app)
    prometheus.broken.clear()
    assert f"tocsin_anomaly_score{A}" in await filled(app)


async def test_a_prometheus_that_has_just_started_gets_time_to_find_its_targets(
    prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    prometheus.says("load")
    app = make(prometheus)
    await tick(app)
    prometheus.series["load"] = lambda at: wave(at)[:1]
    await tick(app)
    assert "answered for the first time" in trouble(app)
    assert not ranges(prometheus)
    monkeypatch.setattr("exporter.signals.promql._SETTLED", 0)
    prometheus.series["load"] = wave
    page = await filled(app)
    assert {f'tocsin_anomaly_score{{signal="load",host="{name}"}}' for name in "ab"} <= page.keys()


async def test_what_is_known_from_before_is_not_held_up_by_a_gap_that_is_not_answered(
    prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(prometheus)
    await filled(app)
    prometheus.broken["/api/v1/query_range"] = 503
    prometheus.now = time.time() + 60
    later = SimpleNamespace(time=lambda: time.time() + 60, monotonic=time.monotonic)
    monkeypatch.setattr("exporter.backfill.time", later)
    app.service.ticker.exchange(app._remotes())
    page = await tick(app)
    assert f"tocsin_anomaly_score{A}" in page, "at its first tick"
    assert page[FAILURES] == 1


async def test_the_past_is_learned_with_the_sensitivity_that_is_configured(
    prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make(prometheus, sensitivity=50)
    rates: list[float] = []
    replay = app.service.ticker.scorer.replay

    def noting(*given: Any) -> None:
        rates.extend(given[4].tolist())
        replay(*given)

    monkeypatch.setattr(app.service.ticker.scorer, "replay", noting)
    await filled(app)
    assert set(rates) == {50}
