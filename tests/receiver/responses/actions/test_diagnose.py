"""Evidence from this very machine: its processes, files, sockets and logs."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.responses.actions import ActionError
from receiver.responses.actions.aside import Look, StoppedError, aside
from receiver.responses.actions.conceal import conceal
from receiver.responses.actions.contract import LONGEST_OUTPUT
from tests.receiver.responses.actions.acting import act, step

BUSY = "import time; print('up', flush=True)\nwhile True: pass  # --api-key=hunter2hunter2"


@pytest.fixture
def busy() -> Iterator[int]:
    """Keep a CPU busy, with a secret among the arguments."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid
        process.kill()


async def test_what_is_busy_is_seen_without_its_secrets(http: ClientSession, busy: int) -> None:
    done = await act(http, step("diagnose"))
    rows = [line for line in done.output.splitlines() if f"{busy:6}  " in line]
    assert rows
    assert "--api-key=***" in rows[0]
    assert "hunter2" not in done.output
    assert done.said == "looked at processes"


async def test_the_largest_folder_is_first_and_no_link_leads_out(
    http: ClientSession, tmp_path: Path
) -> None:
    for name, size in (("small", 10), ("large\nfolder", 400), ("outside", 900)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data").write_bytes(os.urandom(size * 1024))
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "small").rename(root / "small")
    (tmp_path / "large\nfolder").rename(root / "large\nfolder")
    (root / "link").symlink_to(tmp_path / "outside")
    os.link(root / "small" / "data", root / "small" / "again")
    done = await act(http, step("diagnose", what=["disk"], root=str(root)))
    rows = [line.split()[-1] for line in done.output.splitlines() if f"MiB  {root}" in line]
    assert rows[:2] == [f"{root}/large?folder", f"{root}/small"]
    assert "    0.4 MiB" in done.output
    assert "0.9 MiB" not in done.output


async def test_the_end_of_a_log_is_kept_and_a_pipe_does_not_hold_it_up(
    http: ClientSession, tmp_path: Path
) -> None:
    log = tmp_path / "web.log"
    log.write_text("".join(f"line {n} password='of {n}'\n" for n in range(90_000)))
    asked = step("diagnose", what=["log"], log=f"{tmp_path}/${{labels.app}}.log", lines=2)
    done = await act(http, asked, app="web")
    assert done.output.splitlines()[1:] == ["line 89998 password=***", "line 89999 password=***"]
    os.mkfifo(tmp_path / "pipe.log")
    with pytest.raises(ActionError, match="log cannot be seen") as told:
        await act(http, asked, app="pipe")
    assert "no plain file" in told.value.output


async def test_sockets_and_open_files_are_seen(http: ClientSession, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with socket.create_server(("127.0.0.1", 0)) as server, kept.open("w"):
        port = server.getsockname()[1]
        asked = step("diagnose", what=["sockets", "files"], pid="${labels.pid}")
        done = await act(http, asked, pid=str(os.getpid()))
    assert f"127.0.0.1:{port} listens, pid {os.getpid()}" in done.output
    assert f"1 x {kept}" in done.output


@pytest.mark.parametrize("pid", ["0", "-1", "1e3", "2147483647", "9" * 30, "٣"])
async def test_what_is_no_process_is_said_and_the_rest_is_seen(
    http: ClientSession, pid: str
) -> None:
    done = await act(http, step("diagnose", what=["files", "sockets"], pid=pid))
    assert done.said == "looked at sockets, not files"


async def test_much_is_cut_at_its_start(http: ClientSession, tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    log.write_text("".join(f"{n} {'é' * 180}\n" for n in range(2_000)))
    asked = step("diagnose", what=["log", "sockets"], log=str(log), lines=2_000)
    done = await act(http, asked)
    assert len(done.output.encode()) <= LONGEST_OUTPUT
    assert done.output.startswith("== log\n[... cut]\n")
    assert "\n1999 éé" in done.output


@pytest.mark.parametrize(
    ("said", "objection"),
    [
        ({"what": ["log"]}, "needs log"),
        ({"what": ["files"]}, "needs pid"),
        ({"what": ["log"], "log": "/${labels.path}"}, "write a path like"),
        ({"what": ["log"], "log": "web.log"}, "write a path like"),
        ({"what": ["passwords"]}, "no such word"),
        ({"what": []}, "at least one"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_at_once(said: dict[str, Any], objection: str) -> None:
    with pytest.raises(ValidationError, match=objection):
        step("diagnose", **said)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /x?token=abc&user=1", "GET /x?token=***"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ('{"Authorization": "Basic Zm9v"}', '{"Authorization": "***"}'),
        ('{"db_password": "a \\" b", "user": "x"}', '{"db_password": ***, "user": "x"}'),
        ("mysqld --password s3cret --port 1", "mysqld --password *** --port 1"),
        ("mysql -uroot -ps3cret db", "mysql -uroot -p*** db"),
        ("curl -u me:s3cret http://x", "curl -u *** http://x"),
        ("postgres://me:s3cret@db/x", "postgres://***@db/x"),
        ("PGPASSWORD=s3cret DB_PASS=s3cret psql", "PGPASSWORD=*** DB_PASS=*** psql"),
        ("-----BEGIN RSA PRIVATE KEY-----\nab\n-----END RSA PRIVATE KEY-----\nx", "***\nx"),
        ("AKIAABCDEFGHIJKLMNOP", "***"),
        ("compass: north, 3 passed, web-1 is up", "compass: north, 3 passed, web-1 is up"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, shown: str) -> None:
    assert conceal(text) == shown


@pytest.mark.parametrize("hostile", ["a", "token", "eyJ-", "curl ", "x://", "-----BEGIN "])
def test_masking_takes_no_longer_for_a_hostile_text(hostile: str) -> None:
    begun = monotonic()
    conceal(hostile * (LONGEST_OUTPUT // len(hostile)))
    assert monotonic() - begun < 3


async def test_work_in_a_thread_stops_where_its_time_is_over() -> None:
    steps: list[int] = []

    def work(look: Look) -> None:
        while True:
            look()
            steps.append(1)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await aside(work)
    many = len(steps)
    await asyncio.sleep(0.05)
    assert len(steps) == many > 0


async def test_an_error_of_the_work_is_the_callers() -> None:
    def work(_: Look) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        await aside(work)
