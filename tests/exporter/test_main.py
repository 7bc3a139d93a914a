"""The command, in this process and as one of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.__main__ import main
from exporter.collectors import COLLECTORS
from exporter.state.folder import Folder

ROOT = Path(__file__).parents[2]
BANNED = {
    "sklearn",
    "scipy",
    "statsmodels",
    "sqlalchemy",
    "jinja2",
    "pandas",
    "matplotlib",
    "receiver",
}
Process = subprocess.Popen[str]


@contextmanager
def serving(*arguments: str, python: tuple[str, ...] = ()) -> Iterator[Process]:
    """Serve on a free port, which `started` reads from the log."""
    argv = [sys.executable, *python, "-m", "exporter", "serve", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen([*argv, *arguments], stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def started(process: Process) -> tuple[str, list[str]]:
    """Wait until the process listens; returns its URL, and what it has said until then."""
    said: list[str] = []
    for line in log(process):
        said.append(line)
        if "listening on " in line:
            return line.split("listening on ")[1].strip(), said
    raise AssertionError("".join(said))


def log(process: Process) -> IO[str]:
    assert process.stderr
    return process.stderr


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())


def serve_in_vain(address: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "exporter", "serve", "--listen", address]
    return subprocess.run(argv, check=False, capture_output=True, text=True, cwd=ROOT, timeout=60)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_serve_answers_until_it_is_told_to_stop_and_ends_with_0(name: str) -> None:
    with serving() as process:
        url, _ = started(process)
        page = get(f"{url}/metrics")
        process.send_signal(signal.Signals[name])
        assert process.wait(timeout=30) == 0
    names = {family.name for family in text_string_to_metric_families(page)}
    assert {"tocsin_collector_success", "tocsin_exporter_build_info"} <= names


def test_a_hangup_reloads_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "exporter.yml"
    config.write_text("interval: 15s\n", "utf-8")
    with serving("--config", str(config)) as process:
        url, _ = started(process)
        config.write_text("interval: 15\n", "utf-8")
        process.send_signal(signal.SIGHUP)
        assert any("not reloaded" in line for line in log(process))  # the first tick may say more
        assert "tocsin_config_last_reload_successful 0\n" in get(f"{url}/metrics")


def test_the_serving_process_loads_none_of_the_heavy_libraries(tmp_path: Path) -> None:
    """Python itself tells of every import, at the start and in a scrape."""
    models = "{signals: [memory_utilisation], methods: [isolation_forest, one_class_svm]}"
    config = tmp_path / "exporter.yml"
    config.write_text(f"models: {models}\n", "utf-8")
    with serving("--config", str(config), python=("-X", "importtime")) as process:
        url, said = started(process)
        get(f"{url}/metrics")
        process.terminate()
        said += log(process)
    imports = [line.rsplit("|", 1)[1].strip() for line in said if line.startswith("import time:")]
    loaded = {name.partition(".")[0] for name in imports}
    assert {"exporter", "aiohttp", "numpy"} <= loaded
    assert not loaded & BANNED


def test_a_port_in_use_is_said_in_one_line_with_the_remedy(home: Path) -> None:
    """Also where the exporter that has it has the state, too."""
    state = Folder(home / "exporter-state")
    state.take()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        process = serve_in_vain(address)
    state.release()
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert process.stderr.endswith(
        f"cannot listen on {address}: Address already in use; "
        "choose another address with --listen HOST:PORT\n"
    )


def test_a_second_exporter_of_one_state_folder_ends_and_says_where_and_what_to_do(
    home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.app._OVERLAP", 0.0)
    first = Folder(home / "exporter-state")
    first.take()
    assert main(["serve", "--listen", "127.0.0.1:0"]) == 1
    assert caplog.messages[-1] == (
        f"state.folder: another exporter (pid {os.getpid()} on {socket.gethostname()}) keeps its "
        f"state in {first.path}; stop it, or name another folder with `state.folder`"
    )
    first.release()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen on any port")
def test_a_port_that_needs_root_is_said_with_the_remedy() -> None:
    process = serve_in_vain("127.0.0.1:80")
    assert process.returncode == 1
    assert "cannot listen on 127.0.0.1:80: Permission denied" in process.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Configure one collector, so that a page depends on nothing of this host."""
    path = tmp_path / "exporter.yml"
    off = {name: False for name in COLLECTORS if name != "loadavg"}
    path.write_text(json.dumps({"collectors": off}), "utf-8")
    return path


def once(config: Path) -> int:
    return main(["once", "--config", str(config), "--path.procfs", str(config.parent)])


def test_once_prints_a_page_from_the_paths_it_is_given(
    config: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    config.with_name("loadavg").write_text("0.50 0.40 0.30 1/234 5678\n", "utf-8")
    assert once(config) == 0
    assert b"node_load1 0.5\n" in capfdbinary.readouterr().out


def test_once_prints_the_page_and_fails_where_a_collector_does(
    config: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    config.with_name("loadavg").write_text("nonsense\n", "utf-8")
    assert once(config) == 1
    assert b'tocsin_collector_success{collector="loadavg"} 0\n' in capfdbinary.readouterr().out


def test_check_says_ok(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(config)]) == 0
    assert capsys.readouterr().out == f"{config}: ok\n"


def test_check_says_what_of_the_host_stands_in_the_way(
    config: Path, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    gone = config.with_name("gone")
    config.write_text(f"{{paths: {{procfs: {gone}}}, state: {{folder: {config}/x}}}}", "utf-8")
    assert main(["check", "--config", str(config)]) == 2
    path, state = capsys.readouterr().err.splitlines()
    assert path == f"{config}: paths.procfs: {gone} is no folder that can be read; correct it"
    assert state.startswith(
        f"{config}: state.folder: {config}/x cannot be written: Not a directory; choose another,"
    )
    config.write_text("state: {folder: a/b}", "utf-8")
    assert main(["check", "--config", str(config)]) == 0
    assert not home.exists(), "it only looks"


def test_check_notes_what_may_be_a_mistake(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("models: {signals: [cpu_utilization]}\n")
    assert main(["check", "--config", str(config)]) == 0
    note, ok = capsys.readouterr().out.splitlines()
    assert note.startswith(f"{config}: note: models.signals: cpu_utilization matches none of the")
    assert ok == f"{config}: ok"


@pytest.mark.parametrize("command", ["check", "serve", "once"])
def test_a_wrong_configuration_is_status_2_with_one_line_each(
    config: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    config.write_text("interval: 5\nlisten: x\n", "utf-8")
    assert main([command, "--config", str(config)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{config}: listen: not an address: 'x'; write it like 127.0.0.1:9847",
        f"{config}: interval: not a duration: '5'; write it like 15s, 5m or 1h30m",
    ]


def test_check_prints_every_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--defaults"]) == 0
    assert capsys.readouterr().out.startswith("listen: 127.0.0.1:9847\ninterval: 15s\n")


def test_a_wrong_address_on_the_command_line_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serve", "--listen", "9847"])
    assert caught.value.code == 2
    assert "write it like 127.0.0.1:9847" in capsys.readouterr().err
