import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer

from exporter.app import App, remembering
from exporter.config import Config, load
from exporter.model import ConfigError, SeriesKey, Snapshot
from exporter.signals.pushed import Observation
from exporter.state.folder import Folder, TakenError
from exporter.web import make_web


class File:
    """A configuration file that the test rewrites."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **keys: object) -> None:
        self.path.write_text(yaml.safe_dump(keys), "utf-8")

    def load(self) -> Config:
        return load(self.path)


@pytest.fixture
def file(tmp_path: Path) -> File:
    file = File(tmp_path / "exporter.yml")
    file.write(interval="15s", scoring={"grace": "30s"})
    return file


async def own(app: App) -> dict[str, float]:
    samples = await app.service.ticker.fence.collect() + app.service.about()
    return {sample.metric.name: sample.value for sample in samples}


async def health(app: App) -> dict[str, tuple[str, str]]:
    async with TestClient(TestServer(make_web(app.service))) as client:
        checks = (await (await client.get("/health")).json())["checks"]
    return {name: (one["status"], one["detail"]) for name, one in checks.items()}


async def test_a_reload_takes_the_new_configuration_and_keeps_what_was_learned(file: File) -> None:
    app = App(file.load(), file.load)
    for _ in range(12):
        await app.service.ticker.tick()
    file.write(interval="5s", scoring={"grace": "10s"}, collectors={"netdev": False})
    assert app.reload() == ()
    assert app.service.ticker.rule.interval == 5
    snapshot = await app.service.ticker.tick()
    assert "netdev" not in app.service.ticker.fence.troubles
    scored = [one.value for one in snapshot.samples if one.labels == ("scored",)]
    assert scored[0] >= 1, "a host has memory, and 12 values of it were known"


def series(snapshot: Snapshot, metric: str) -> set[str]:
    (column,) = [one for one in snapshot.columns if one.metric.name == metric]
    there = np.isfinite(column.values).tolist()
    return {labels for labels, is_there in zip(column.labels, there, strict=True) if is_there}


async def test_a_reload_that_changes_signals_and_models_keeps_what_was_learned(file: File) -> None:
    def write(*signals: str, modelled: list[str], **models: object) -> None:
        file.write(
            scoring={"grace": "3m"},
            signals=[{"name": name, "metric": "node_load1"} for name in signals],
            models={"signals": modelled, "window": 4, **models},
        )

    write("first", modelled=["first"])
    app = App(file.load(), file.load)
    ticker = app.service.ticker

    async def live(ticks: int) -> Snapshot:
        for _ in range(ticks):
            app.service.pushed.push([Observation(SeriesKey("orders"), 1.0, time.time())])
            snapshot = await ticker.tick()
        return snapshot

    await live(12)
    write("second", "first", modelled=["first", "second", "orders"], every="1h")
    assert app.reload() == ()
    scored = series(await live(1), "tocsin_anomaly_score")
    assert {'signal="first"', 'signal="orders"', 'signal="memory_utilisation"'} <= scored
    assert 'signal="second"' not in scored, "12 values of it are to come"
    models = ticker.models
    kept = dict(zip(models._layout.keys, models._windows.kept[models._rows], strict=True))
    assert kept[SeriesKey("first")] == 10
    assert kept[SeriesKey("second")] == 0


async def test_a_wrong_configuration_is_refused_and_the_old_one_stays(
    file: File, caplog: pytest.LogCaptureFixture
) -> None:
    app = App(file.load(), file.load)
    file.write(interval="5")
    problems = app.reload()
    assert problems == (
        f"{file.path}: interval: not a duration: '5'; write it like 15s, 5m or 1h30m",
    )
    assert app.service.ticker.rule.interval == 15
    assert caplog.messages == [f"not reloaded: {problems[0]}"]
    assert (await own(app))["tocsin_config_last_reload_successful"] == 0
    assert (await health(app))["config"] == ("degraded", f"not reloaded: {problems[0]}")
    file.write()
    app.reload()
    assert (await own(app))["tocsin_config_last_reload_successful"] == 1
    assert (await health(app))["config"][0] == "healthy"


async def test_health_is_degraded_while_a_path_is_not_there(file: File, tmp_path: Path) -> None:
    mount = tmp_path / "proc"
    file.write(paths={"procfs": str(mount)})
    app = App(file.load(), file.load)
    assert (await own(app))["tocsin_path_missing"] == 1
    detail = f"procfs: {mount} is no folder that can be read"
    assert (await health(app))["paths"] == ("degraded", detail)
    mount.mkdir()
    assert "tocsin_path_missing" not in await own(app)
    assert "paths" not in await health(app)


async def test_the_folder_of_an_exporter_that_is_just_ending_is_waited_for(file: File) -> None:
    app = App(file.load(), file.load)
    assert app.folder
    before = Folder(app.folder.path)
    before.take()
    asyncio.get_running_loop().call_later(0.05, before.release)
    async with remembering(app):
        assert (await health(app))["state"] == ("healthy", "well")
        with pytest.raises(TakenError):
            before.take()


def test_a_new_address_waits_for_the_next_start(
    file: File, caplog: pytest.LogCaptureFixture
) -> None:
    app = App(file.load(), file.load)
    file.write(listen="127.0.0.1:1")
    app.reload()
    assert caplog.messages == ["listen: 127.0.0.1:1 takes effect at the next start"]


def test_a_file_that_has_gone_is_a_configuration_error(file: File) -> None:
    file.path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        file.load()


def asking(promql: str, url: str = "http://127.0.0.1:1") -> dict[str, object]:
    return {"prometheus": {"url": url}, "signals": [{"name": "load", "promql": promql}]}


def test_a_reload_asks_anew_only_where_the_questions_have_changed(file: File) -> None:
    file.write(**asking("up"))
    app = App(file.load(), file.load)
    remotes = app.service.ticker.remotes
    first = remotes["prometheus"]
    file.write(**asking("up"), interval="5s")
    app.reload()
    assert app.service.ticker.remotes["prometheus"] is first
    for changed in (asking("down"), asking("down", "http://127.0.0.1:2")):
        before = app.service.ticker.remotes["prometheus"]
        file.write(**changed)
        app.reload()
        assert app.service.ticker.remotes["prometheus"] is not before
    file.write()
    app.reload()
    assert app.service.ticker.remotes.keys() == {"observations"}


def test_what_was_sent_survives_a_reload(file: File) -> None:
    app = App(file.load(), file.load)
    file.write(**asking("up"))
    app.reload()
    assert app.service.ticker.remotes["observations"] is app.service.pushed


def test_a_new_limit_waits_for_the_next_start(file: File, caplog: pytest.LogCaptureFixture) -> None:
    app = App(file.load(), file.load)
    file.write(scoring={"limit": 5})
    app.reload()
    assert caplog.messages == ["scoring.limit: takes effect at the next start"]


async def test_a_reload_keeps_models_unless_it_changes_what_they_are_made_of(file: File) -> None:
    models = {"signals": ["memory_utilisation"], "methods": ["one_class_svm"]}

    async def vectors(**changed: object) -> dict[str, float]:
        file.write(models=models | changed)
        assert app.reload() == ()
        snapshot = await app.service.ticker.tick()
        (column,) = (c for c in snapshot.columns if c.metric.name == "tocsin_model_vectors")
        return dict(zip(column.labels, column.values.tolist(), strict=True))

    file.write(models=models)
    app = App(file.load(), file.load)
    for _ in range(20):
        await app.service.ticker.tick()
    memory, cores = 'signal="memory_utilisation"', 'signal="load_per_core"'
    assert await vectors() == {memory: 6}
    assert await vectors(every="1h", deadline="30s") == {memory: 7}
    assert await vectors(signals=["load_per_core", "memory_utilisation"]) == {memory: 8, cores: 0}
    assert await vectors(window=8) == {memory: 0}
    assert await vectors(signals=[]) == {}
