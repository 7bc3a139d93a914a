"""A real Prometheus scrapes a real exporter."""

import json
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
