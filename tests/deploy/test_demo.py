import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from deploy import demo
from deploy.home import DEPLOY
from deploy.observer import (
    CpuTime,
    MissingStep,
    Observer,
    find_titles,
    is_resolved,
    parse_cpu,
    parse_value,
)
from tests.deploy.kit import free_ports, processes_of

PAGE = """\
# HELP node_cpu_seconds_total Seconds
node_cpu_seconds_total{cpu="0",mode="idle"} 90.5
node_cpu_seconds_total{cpu="0",mode="iowait"} 0.5
node_cpu_seconds_total{cpu="0",mode="user"} 9
node_cpu_seconds_total{cpu="1",mode="idle"} 1e2
tocsin_anomaly_score{signal="cpu_utilisation"} 0.25
tocsin_anomaly_score{signal="memory_utilisation"} 7
"""
MESSAGES = """
[🔴 Critical] DemoCpuBusy on host.example
The CPU is busy; see [🟢 Resolved] DemoCpuBusy on paper

[🟡 Warning] DemoCpuAnomaly on host.example

[🟢 Resolved] DemoCpuBusy on host.example
"""


def test_cpu_time_is_read_from_the_page_and_waiting_for_a_disk_is_idle() -> None:
    assert parse_cpu(PAGE) == CpuTime(191.0, 200.0)


@pytest.mark.parametrize(
    ("idle", "total", "busy"), [(110.0, 210.0, 0.0), (105.0, 210.0, 0.5), (100.0, 200.0, 1.0)]
)
def test_the_busy_share_is_that_of_the_time_in_between(
    idle: float, total: float, busy: float
) -> None:
    assert CpuTime(idle, total).busy_since(CpuTime(100.0, 200.0)) == busy


def test_the_value_of_one_signal_is_read_and_none_where_it_is_not_there_yet() -> None:
    assert parse_value(PAGE, "tocsin_anomaly_score", 'signal="cpu_utilisation"') == 0.25
    assert parse_value(PAGE, "tocsin_anomaly_score", 'signal="load_per_core"') is None


def test_titles_of_one_alert_are_found_and_told_apart() -> None:
    titles = find_titles(MESSAGES, "DemoCpuBusy")
    assert titles == [
        "[🔴 Critical] DemoCpuBusy on host.example",
        "[🟢 Resolved] DemoCpuBusy on host.example",
    ]
    assert [is_resolved(title) for title in titles] == [False, True]


class BusyMachine(Observer):
    """Sees 9 of 10 seconds in use, and no message."""

    def __init__(self) -> None:
        self.messages = ""
        self._times = iter([CpuTime(10.0, 100.0), CpuTime(16.0, 160.0)])

    def cpu(self) -> CpuTime:
        return next(self._times)

    def until(self, look: Callable[[], object], seconds: float, what: str) -> NoReturn:  # noqa: ARG002 -- Observer's
        raise MissingStep(what)


def test_a_resolved_message_that_stays_away_is_told_with_how_busy_the_machine_is() -> None:
    with pytest.raises(MissingStep, match="even without the load the CPUs are 90% busy"):
        demo._wait_for_resolved(BusyMachine(), 0)


@pytest.mark.long
def test_the_demonstration_sees_a_real_incident_from_load_to_inbox(tmp_path: Path) -> None:
    """Needs a machine that is quiet for a moment; a busy one is told so, and fails."""
    home = tmp_path / "home"
    process = subprocess.run(
        [sys.executable, "-m", "deploy.up", "--demo", "--port-base", str(free_ports(4))],
        cwd=DEPLOY.parent,
        env={**os.environ, "TOCSIN_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    steps = [line[:2] for line in process.stdout.splitlines() if line[1:2] == "."]
    assert steps == [f"{number}." for number in range(1, 9)]
    assert "DemoCpuBusy" in process.stdout
    assert not processes_of(tmp_path)


@pytest.mark.long
def test_the_demonstration_leaves_the_users_own_state_alone(tmp_path: Path) -> None:
    (tmp_path / "receiver.yml").write_text("broken", "utf-8")
    environment = {**os.environ, "TOCSIN_HOME": str(tmp_path)}
    command = [shutil.which("timeout") or "timeout", "--signal=INT", "15", sys.executable]
    stopped = subprocess.run(
        [*command, "-m", "deploy.up", "--demo", "--port-base", str(free_ports(4))],
        cwd=DEPLOY.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "The demonstration was stopped before its end." in stopped.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo", "lock", "receiver.yml"]
    assert (tmp_path / "receiver.yml").read_text("utf-8") == "broken"
    assert not processes_of(tmp_path)
