"""A real Prometheus scrapes every page there is, evaluates every rule, and answers every panel."""

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.debian import fetch
from tests.grafana.reading import DASHBOARDS, expressions
from tests.rules import pages
from tests.rules.reading import FILES, TESTS

JOBS = {
    "node": "node_exporter-1.5.0",
    "prometheus": "prometheus-2.42.0",
    "alertmanager": "alertmanager-0.25.0",
    "tocsin-exporter": "exporter",
    "tocsin-receiver": "receiver",
}
DEADLINE = 60.0


@pytest.fixture(scope="module", params=["installed", pytest.param("sid", marks=pytest.mark.long)])
def programs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of prometheus and promtool: Debian 12's 2.42, or sid's 3."""
    if request.param == "sid":
        return fetch("sid", tmp_path_factory.mktemp("sid"))
    found = shutil.which("prometheus")
    if found is None:
        pytest.skip("Debian's prometheus is not installed")
    return Path(found).parent


class Pages(BaseHTTPRequestHandler):
    """Answers /NAME with the page of that name."""

    texts = pages.foreign() | {"exporter": pages.of_exporter(), "receiver": pages.of_receiver()}

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # a Prometheus that is being stopped hangs up
            self.wfile.write(self.texts[self.path.strip("/")].encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def exporters() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def prometheus(
    programs: Path, exporters: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("prometheus")
    config = folder / "prometheus.yml"
    config.write_text(json.dumps(configuration(exporters)))
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    command = [str(programs / "prometheus"), *options, f"--web.listen-address={address}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stderr=log)
    yield f"http://{address}"
    process.terminate()
    process.wait(timeout=30)


def configuration(exporters: str) -> dict[str, Any]:
    """Scrape and evaluate every second, with `instance` the name of the host."""
    static = [{"targets": [exporters], "labels": {"instance": "web1"}}]
    jobs = [
        {"job_name": job, "metrics_path": f"/{page}", "static_configs": static}
        for job, page in JOBS.items()
    ]
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(path) for path in FILES],
        "scrape_configs": jobs,
    }


def get(url: str) -> dict[str, Any]:
    """Ask until there is an answer; what Prometheus refuses fails the test with its own words."""
    until = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                data: dict[str, Any] = json.load(answer)["data"]
                return data
        except urllib.error.HTTPError as error:
            if error.code != 503:  # which is still starting
                pytest.fail(error.read().decode())
        except urllib.error.URLError:
            assert time.monotonic() < until, "Prometheus does not start"
        time.sleep(0.1)


def eventually(look: Callable[[], bool]) -> bool:
    until = time.monotonic() + DEADLINE
    while not look():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


def query(prometheus: str, expr: str) -> list[dict[str, Any]]:
    url = f"{prometheus}/api/v1/query?query={urllib.parse.quote(expr)}"
    result: list[dict[str, Any]] = get(url)["result"]
    return result


def test_every_rule_is_evaluated_on_real_pages_without_an_error(prometheus: str) -> None:
    assert eventually(lambda: len(query(prometheus, "up == 1")) == len(JOBS))
    # The rates need two scrapes, and the rules an evaluation after those.
    assert eventually(lambda: bool(query(prometheus, "instance:node_cpu_utilisation:ratio_rate5m")))
    groups = get(f"{prometheus}/api/v1/rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert rules
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


def test_no_query_of_a_dashboard_is_empty(prometheus: str) -> None:
    def answered(expr: str) -> bool:
        now = time.time()
        asked = {"query": expr, "start": now - 30, "end": now, "step": 1}
        url = f"{prometheus}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
        return bool(get(url)["result"])

    for dashboard in DASHBOARDS:
        for title, expr in expressions(dashboard):
            assert eventually(partial(answered, expr)), f"{title}: {expr}"


@pytest.mark.parametrize("command", [["check", "rules", *FILES], ["test", "rules", *TESTS]])
@pytest.mark.long
def test_its_promtool_accepts_the_rules(programs: Path, command: list[str | Path]) -> None:
    done = subprocess.run(
        [programs / "promtool", *command], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
