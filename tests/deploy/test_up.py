import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from deploy import up
from deploy.demo import make_home
from deploy.home import DEPLOY, SetUpError
from tests.deploy.kit import (
    ENOUGH,
    ROOT,
    Running,
    Start,
    finish,
    free_ports,
    processes_of,
    read_until,
    start_stack,
    wait_until,
)

_RECONCILED = "tocsin_reconcile_last_success_timestamp_seconds "


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_stack_runs_until_it_is_asked_to_stop_and_leaves_nothing(
    start_up: Start, tmp_path: Path, number: signal.Signals
) -> None:
    process = start_up()
    read_until(process, "prometheus ")
    process.send_signal(number)
    status, output, errors = finish(process)
    assert (status, output.strip(), errors) == (0, "Stopped.", "")
    assert not processes_of(tmp_path)


def test_prometheus_scrapes_all_four_with_their_tokens(running: Running) -> None:
    url = f"http://127.0.0.1:{running.port_base + 2}/api/v1/query?query=sum(up)"

    def all_up() -> bool:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return '"4"]' in reply.read().decode()

    wait_until(all_up, "up is 1 four times", ENOUGH)


def test_the_receiver_asks_the_alertmanager_of_the_stack_what_fires(running: Running) -> None:
    page = urllib.request.Request(f"http://127.0.0.1:{running.port_base + 1}/metrics")
    secret = (running.home / "secrets/read.token").read_text("utf-8").strip()
    page.add_header("Authorization", f"Bearer {secret}")

    def compared() -> bool:
        with urllib.request.urlopen(page, timeout=10) as reply:
            lines = reply.read().decode().splitlines()
        (when,) = (line for line in lines if line.startswith(_RECONCILED))
        return float(when.removeprefix(_RECONCILED)) > 0

    wait_until(compared, "a first comparison", ENOUGH)


@pytest.mark.parametrize(("offset", "token"), [(0, "exporter.token"), (1, "read.token")])
def test_pages_open_with_their_token_alone(running: Running, offset: int, token: str) -> None:
    page = urllib.request.Request(f"http://127.0.0.1:{running.port_base + offset}/")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(page, timeout=10)
    assert refused.value.code == 401
    refused.value.close()
    secret = (running.home / "secrets" / token).read_text("utf-8").strip()
    page.add_header("Authorization", f"Bearer {secret}")
    with urllib.request.urlopen(page, timeout=10) as reply:
        assert reply.status == 200


def test_a_state_folder_serves_one_stack_at_a_time(running: Running) -> None:
    status, output, errors = finish(start_stack(running.home, free_ports(4)))
    assert (status, output) == (1, "")
    assert errors == (
        f"up.sh: another up.sh runs with {running.home};"
        " stop it, or name another folder with TOCSIN_HOME\n"
    )


def test_a_new_state_folder_is_closed_to_other_users(tmp_path: Path) -> None:
    with up._lock(tmp_path / "new"):
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_nothing_is_left_when_up_is_killed_outright(start_up: Start, tmp_path: Path) -> None:
    process = start_up()
    read_until(process, "prometheus ")
    process.kill()
    finish(process)
    wait_until(lambda: not processes_of(tmp_path), "the end of all four")


def test_the_death_of_one_stops_all_and_says_which(start_up: Start, tmp_path: Path) -> None:
    process = start_up()
    read_until(process, "prometheus ")
    found = subprocess.run(
        ["pgrep", "--full", f"exporter serve --config {tmp_path}"],
        capture_output=True,
        text=True,
        check=True,
    )
    os.kill(int(found.stdout), signal.SIGKILL)
    status, _, errors = finish(process)
    assert status == 1
    assert errors.startswith("up.sh: exporter ended with status -9; its log ")
    assert not processes_of(tmp_path)


def test_a_port_in_use_is_named_before_anything_starts(
    start_up: Start, tmp_path: Path, port_base: int
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port_base + 3))
        other.listen()
        status, output, errors = finish(start_up())
    assert (status, output) == (1, "")
    assert errors == (
        f"up.sh: port {port_base + 3} for alertmanager cannot be had (Address already in use);"
        " what holds it was left alone; move all four with --port-base N\n"
    )
    assert not processes_of(tmp_path)


def test_a_broken_configuration_of_the_user_is_told_and_nothing_is_left(
    start_up: Start, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/receiver.yml").write_text("lissten: 1\nstore: 7\n", "utf-8")
    status, _, errors = finish(start_up())
    assert status == 1
    assert "up.sh: receiver ended with status 2" in errors
    assert f"{tmp_path}/home/receiver.yml: lissten: unknown key" in errors
    assert not processes_of(tmp_path)


def test_an_unreadable_token_is_one_line(start_up: Start, tmp_path: Path) -> None:
    (tmp_path / "home/secrets/exporter.token").mkdir(parents=True)
    status, output, errors = finish(start_up())
    assert (status, output) == (1, "")
    assert errors == (
        f"up.sh: cannot read the token {tmp_path}/home/secrets/exporter.token (Is a directory);"
        " make it readable, or remove it for a new one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port-base", "80"], "a number from 1024 to 65532 is expected, not '80'"),
        (["--port-base", "x"], "a number from 1024 to 65532 is expected, not 'x'"),
        (["--dmeo"], "unrecognized arguments: --dmeo"),
    ],
)
def test_a_wrong_argument_is_refused(start_up: Start, arguments: list[str], message: str) -> None:
    status, _, errors = finish(start_up(*arguments))
    assert status == 2
    assert message in errors


def test_only_a_folder_of_an_earlier_demonstration_is_wiped(tmp_path: Path) -> None:
    first = make_home(tmp_path)
    (first / "old").touch()
    assert not (make_home(tmp_path) / "old").exists()
    mine = tmp_path / "mine"
    (mine / "demo").mkdir(parents=True)
    with pytest.raises(SetUpError, match="was not made by a demonstration; move it away first"):
        make_home(mine)


def bare_path(folder: Path) -> str:
    """Make a PATH with the usual small programs and Python, but no server of ours and no root."""
    for name in ("bash", "cat", "cksum", "dirname"):
        (folder / name).symlink_to(shutil.which(name) or name)
    (folder / "python3").symlink_to(Path(sys.executable).resolve())
    (folder / "id").write_text("#!/bin/sh\necho 1000\n", "utf-8")
    (folder / "id").chmod(0o755)
    return str(folder)


def test_without_prometheus_and_without_root_up_says_what_to_run(tmp_path: Path) -> None:
    tried = subprocess.run(
        [shutil.which("bash") or "bash", DEPLOY / "up.sh"],
        env={"PATH": bare_path(tmp_path), "TOCSIN_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=ENOUGH,
        check=False,
    )
    assert tried.returncode == 1
    assert tried.stderr == (
        "up.sh: not installed: prometheus prometheus-alertmanager; on Debian run as root:"
        f" bash {ROOT}/deploy/install.sh prometheus prometheus-alertmanager\n"
    )
    assert tried.stdout == ""
    assert not (tmp_path / "home").exists()


def test_help_needs_nothing_installed(tmp_path: Path) -> None:
    shown = subprocess.run(
        [shutil.which("bash") or "bash", DEPLOY / "up.sh", "--help"],
        env={"PATH": bare_path(tmp_path)},
        capture_output=True,
        text=True,
        timeout=ENOUGH,
        check=True,
    )
    assert "--port-base N" in shown.stdout


RECORDER = """#!/bin/sh
printf '%s %s\\n' "${0##*/}" "$*" >>"$RECORD"
"""


def test_up_installs_all_that_the_commands_of_the_readme_need(tmp_path: Path) -> None:
    """In a clone whose virtual environment only writes down what it is asked for."""
    clone, record = tmp_path / "clone", tmp_path / "record"
    (clone / "deploy").mkdir(parents=True)
    for name in ("deploy/up.sh", "deploy/lib.sh", "pyproject.toml"):
        shutil.copy(ROOT / name, clone / name)
    programs = [clone / ".venv/bin" / name for name in ("python", "uv")]
    programs += [tmp_path / name for name in ("prometheus", "prometheus-alertmanager")]
    for program in programs:
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(RECORDER, "utf-8")
        program.chmod(0o755)
    subprocess.run(
        ["bash", clone / "deploy/up.sh"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "RECORD": str(record)},
        timeout=ENOUGH,
        check=True,
    )
    asked = record.read_text("utf-8").splitlines()
    assert asked[-1] == "python -m deploy.up"
    (installed,) = (line for line in asked if line.startswith("uv pip install"))
    assert set(installed.rpartition("[")[2].rstrip("]").split(",")) == {
        "exporter",
        "receiver",
        "charts",
    }
