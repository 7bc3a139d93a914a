"""A real Prometheus scrapes a real exporter, and answers what it asks."""

import asyncio
import json
import math
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.app import App
from exporter.collectors import COLLECTORS
from exporter.config import Config
from exporter.exposition import render

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="Debian's prometheus is not installed",
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(*argv: str) -> Iterator[None]:
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "secret").write_text("s3cret\n", "utf-8")
    address = f"127.0.0.1:{free_port()}"
    config = {
        "listen": address,
        "interval": "200ms",
        "scoring": {"grace": "3s"},
        "tokens": [{"name": "prometheus", "file": "secret"}],
        "signals": [{"name": "forks", "metric": "node_forks_total"}],
    }
    path = tmp_path / "exporter.yml"
    path.write_text(json.dumps(config), "utf-8")
    with running(sys.executable, "-m", "exporter", "serve", "--config", str(path)):
        yield address


@pytest.fixture
def prometheus(tmp_path: Path, exporter: str) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    job = {
        "job_name": "tocsin",
        "authorization": {"credentials_file": str(tmp_path / "secret")},
        "static_configs": [{"targets": [exporter]}],
    }
    config = {"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}
    path = tmp_path / "prometheus.yml"
    path.write_text(json.dumps(config), "utf-8")
    storage = f"--storage.tsdb.path={tmp_path / 'data'}"
    listen = f"--web.listen-address={address}"
    with running("prometheus", f"--config.file={path}", storage, listen):
        yield address


def query(address: str, expression: str) -> list[dict[str, Any]]:
    """Ask Prometheus; it may not have started to listen."""
    url = f"http://{address}/api/v1/query?query={urllib.parse.quote(expression)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    except urllib.error.URLError:
        return []
    return result


def wait_for(address: str, expression: str) -> list[dict[str, Any]]:
    due = time.monotonic() + 60
    while time.monotonic() < due:
        if found := query(address, expression):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{expression} has no result")


def test_the_target_is_up_and_scores_arrive_after_the_grace_period(prometheus: str) -> None:
    wait_for(prometheus, 'up{job="tocsin"} == 1')
    scored = wait_for(prometheus, "tocsin_anomaly_score")
    assert "memory_utilisation" in {one["metric"]["signal"] for one in scored}
    assert wait_for(prometheus, 'tocsin_anomalies_total{signal="forks"} >= 0')
    assert wait_for(prometheus, "node_cpu_seconds_total")
    assert query(prometheus, "up == 0") == []


def test_promtool_finds_nothing_to_blame_in_names_of_our_own(
    exporter: str, prometheus: str
) -> None:
    wait_for(prometheus, "tocsin_anomaly_score")
    request = urllib.request.Request(
        f"http://{exporter}/metrics", headers={"Authorization": "Bearer s3cret"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        page = answer.read()
    linted = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, check=False, timeout=30
    )
    blamed = (linted.stdout + linted.stderr).decode().splitlines()
    assert [line for line in blamed if not line.startswith("node_")] == []


def waves(now: float) -> str:
    """Write two series from six hours ago until in ten minutes, as OpenMetrics text."""
    moments = range(int(now) - 6 * 3600, int(now) + 600, 15)
    lines = [
        f'app_load{{host="{host}"}} {math.sin(t / 97 + number):.4f} {t}'
        for number, host in enumerate(("a", r"é\"b"))
        for t in moments
    ]
    return "\n".join(["# TYPE app_load gauge", *lines, "# EOF", ""])


@pytest.fixture
def past(tmp_path: Path) -> Iterator[str]:
    """Run a Prometheus that knows a past; returns its address."""
    page = tmp_path / "past.txt"
    page.write_text(waves(time.time()), "utf-8")
    data = str(tmp_path / "data")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", page, data],
        check=True,
        capture_output=True,
        timeout=60,
    )
    config = tmp_path / "prometheus.yml"
    config.write_text("{}", "utf-8")
    address = f"127.0.0.1:{free_port()}"
    listen = f"--web.listen-address={address}"
    with running("prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}", listen):
        wait_for(address, "app_load")
        yield address


def asking(address: str, **signals: str) -> App:
    config = Config.model_validate(
        {
            "prometheus": {"url": f"http://{address}", "history": "3h"},
            "signals": [{"name": name, "promql": promql} for name, promql in signals.items()],
            "collectors": dict.fromkeys(COLLECTORS, False),
            "state": False,
        }
    )
    return App(config, lambda: config)


async def page_with(app: App, start: str) -> dict[str, float]:
    """Tick until there is a line that begins so."""
    async with asyncio.timeout(60):
        while True:
            await asyncio.sleep(0.05)
            snapshot = await app.service.ticker.tick()
            text = b"".join(render(snapshot.samples, snapshot.columns)).decode()
            lines = (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
            page = {name: float(value) for name, value in lines}
            if any(name.startswith(start) for name in page):
                return page


async def test_what_it_computes_is_a_signal_under_its_own_labels(past: str) -> None:
    app = asking(past, double="2 * app_load", hosts="count(app_load)", one="scalar(vector(1))")
    page = await page_with(app, "tocsin_signal_value")
    values = {name: v for name, v in page.items() if name.startswith("tocsin_signal_value")}
    assert values.keys() == {
        'tocsin_signal_value{signal="double",host="a"}',
        'tocsin_signal_value{signal="double",host="é\\"b"}',
        'tocsin_signal_value{signal="hosts"}',
        'tocsin_signal_value{signal="one"}',
    }
    assert values['tocsin_signal_value{signal="hosts"}'] == 2
    assert page['tocsin_signal_query_success{signal="double"}'] == 1


async def test_from_what_it_has_of_the_past_a_signal_is_scored_at_its_first_tick(past: str) -> None:
    page = await page_with(asking(past, load="app_load"), "tocsin_signal_value")
    for host in ("a", r"é\"b"):
        assert page[f'tocsin_anomaly_score{{signal="load",host="{host}"}}'] < 1
        assert page[f'tocsin_anomalies_total{{signal="load",host="{host}"}}'] == 0
        assert f'tocsin_expected_value{{signal="load",host="{host}"}}' in page


async def test_an_expression_that_is_wrong_is_told_in_its_words(past: str) -> None:
    app = asking(past, wrong="ratee(app_load[5m])", other="app_load{host=}")
    page = await page_with(app, "tocsin_series_skipped_total")
    async with asyncio.timeout(60):
        while "parse error" not in app.service.ticker.remotes["prometheus"].trouble:
            page = await page_with(app, "tocsin_series_skipped_total")
    page = await page_with(app, "tocsin_series_skipped_total")
    trouble = app.service.ticker.remotes["prometheus"].trouble
    assert "wrong: HTTP 400: invalid parameter" in trouble
    assert page['tocsin_signal_query_success{signal="wrong"}'] == 0
    assert page['tocsin_series_skipped_total{reason="prometheus_error"}'] >= 2
