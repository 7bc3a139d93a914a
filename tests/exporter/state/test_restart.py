"""A serving process that is killed, and the one after it."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from exporter.collectors import COLLECTORS
from tests.exporter.test_main import get, serving, started

SERIES = '{signal="load"}'
TOTAL = f"tocsin_anomalies_total{SERIES}"
SCORE = f"tocsin_anomaly_score{SERIES}"
SNAPSHOT = "tocsin_snapshot_timestamp_seconds"
SAVED = "tocsin_state_last_save_timestamp_seconds"
Page = dict[str, float]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """One signal, whose value the test writes; it is scored after 40 values."""
    path = tmp_path / "exporter.yml"
    settings = {
        "interval": "100ms",
        "paths": {"procfs": str(tmp_path)},
        "collectors": {name: False for name in COLLECTORS if name != "loadavg"},
        "signals": [{"name": "load", "metric": "node_load1"}],
        "scoring": {"grace": "4s"},
    }
    path.write_text(json.dumps(settings), "utf-8")
    return path


def load(config: Path, value: float) -> None:
    fresh = config.with_name("loadavg.new")
    fresh.write_text(f"{value} 0 0 1/234 5678\n", "utf-8")
    fresh.replace(config.with_name("loadavg"))


def page(url: str) -> Page:
    lines = re.findall(r"^([^#\s].*) (\S+)$", get(f"{url}/metrics"), re.MULTILINE)
    return {name: float(value) for name, value in lines}


def until(url: str, wanted: Callable[[Page], bool], config: Path, value: float) -> Page:
    """Let the load hover about a value until the page is as wanted."""
    deadline, step = time.monotonic() + 60, 0
    while time.monotonic() < deadline:
        step += 1
        load(config, value + step % 3)
        if wanted(now := page(url)):
            return now
        time.sleep(0.05)
    raise AssertionError("not in a minute")


def test_after_a_kill_scores_are_there_at_once_and_no_alarm_is_forgotten(config: Path) -> None:
    load(config, 1)
    with serving("--config", str(config)) as process:
        url, _ = started(process)
        until(url, lambda now: SCORE in now, config, 1)
        alarmed = until(url, lambda now: now[TOTAL] >= 1, config, 500)
        until(url, lambda now: now[SAVED] > alarmed[SNAPSHOT] + 0.1, config, 500)
        process.kill()
        process.wait(30)
    with serving("--config", str(config)) as process:
        url, _ = started(process)
        first = until(url, lambda now: SNAPSHOT in now, config, 500)
    assert SCORE in first, "though nothing is scored before 40 values were seen"
    assert first[TOTAL] >= alarmed[TOTAL]
    assert first["tocsin_state_restored_series"] >= 1


def push(url: str, value: float) -> None:
    """Send a value of the signal `orders`."""
    said = json.dumps({"observations": [{"name": "orders", "value": value}]}).encode()
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"{url}/api/v1/observations", said, headers), timeout=10):
        pass


def test_an_alarm_of_what_is_sent_stays_on_the_page_over_a_restart(config: Path) -> None:
    """Though its next value may come minutes later: else it would look resolved."""
    active = 'tocsin_anomaly_active{signal="orders"}'
    load(config, 1)
    with serving("--config", str(config)) as process:
        url, _ = started(process)

        def alarmed(now: Page) -> bool:
            push(url, 5000 if active in now else 50 + time.monotonic() % 3)
            return now.get(active) == 1

        until(url, alarmed, config, 1)
        process.terminate()
        assert process.wait(30) == 0
    with serving("--config", str(config)) as process:
        url, _ = started(process)
        first = until(url, lambda now: SNAPSHOT in now, config, 1)
        known = json.loads(get(f"{url}/api/v1/signals/orders"))
    assert first[active] == 1
    (series,) = known["series"]
    assert series["latest_alarm"]


def test_at_the_end_it_saves_once_more(config: Path, home: Path) -> None:
    settings = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps(settings | {"interval": "1h"}), "utf-8")
    load(config, 1)
    with serving("--config", str(config)) as process:
        url, _ = started(process)
        saved = until(url, lambda now: now.get(SAVED, 0) > 0, config, 1)
        process.terminate()
        assert process.wait(30) == 0
    assert (home / "exporter-state/learned").stat().st_mtime > saved[SAVED]


def test_without_state_nothing_is_written(config: Path, home: Path) -> None:
    settings = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps(settings | {"state": False}), "utf-8")
    load(config, 1)
    with serving("--config", str(config)) as process:
        url, _ = started(process)
        until(url, lambda now: SNAPSHOT in now, config, 1)
        process.terminate()
        assert process.wait(30) == 0
    assert not home.exists()
