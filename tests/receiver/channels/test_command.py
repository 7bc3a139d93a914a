import asyncio
import json
import os
import time
from pathlib import Path

import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.channels.command import Command
from receiver.model import SendError
from tests.fakes.alerts import make_message


def make(*argv: str, timeout: str = "10s") -> Command:
    return Command.model_validate({"type": "command", "argv": argv, "timeout": timeout})


def shell(source: str, *more: str, timeout: str = "10s") -> Command:
    return make("sh", "-c", source, "sh", *more, timeout=timeout)


async def test_the_message_comes_as_json_on_standard_input(
    tmp_path: Path, http: ClientSession
) -> None:
    await shell('cat >"$1"', str(tmp_path / "said")).send(make_message("严重 \ud800"), http)
    assert json.loads((tmp_path / "said").read_text()) == {
        "title": "[🔴 Critical] HostCpuBusy on web-1:9100",
        "text": "严重 ?",
        "status": "firing",
        "severity": "critical",
        "color": "#d32f2f",
        "key": "key-1",
        "thread": "thread-1",
    }


async def test_no_shell_reads_the_arguments(tmp_path: Path, http: ClientSession) -> None:
    await shell('printf %s "$2" >"$1"', str(tmp_path / "said"), "$(id); *").send(
        make_message(), http
    )
    assert (tmp_path / "said").read_text() == "$(id); *"


@pytest.mark.parametrize(
    ("code", "reason", "permanent"),
    [
        (1, "failed", False),
        (64, "rejected", True),
        (75, "server", False),
        (78, "rejected", True),
        (79, "failed", False),
    ],
)
async def test_the_exit_code_says_whether_to_try_again(
    *, code: int, reason: str, permanent: bool, http: ClientSession
) -> None:
    with pytest.raises(SendError) as caught:
        await shell(f"echo it went wrong >&2; exit {code}").send(make_message(), http)
    assert (caught.value.reason, caught.value.permanent) == (reason, permanent)
    assert caught.value.detail == f"exit {code}: it went wrong"


async def test_a_program_that_hangs_is_killed_with_all_that_it_started(
    tmp_path: Path, http: ClientSession
) -> None:
    source = 'sleep 60 & echo $! >"$1"; sleep 60'
    started = time.monotonic()
    with pytest.raises(SendError, match="still runs after") as caught:
        await shell(source, str(tmp_path / "pid"), timeout="300ms").send(make_message(), http)
    assert caught.value.reason == "timeout"
    assert time.monotonic() - started < 5
    assert await gone(int((tmp_path / "pid").read_text()))


async def test_what_a_program_leaves_behind_is_killed_and_no_failure(
    tmp_path: Path, http: ClientSession
) -> None:
    source = 'sleep 60 & echo $! >"$1"'
    await shell(source, str(tmp_path / "pid"), timeout="300ms").send(make_message(), http)
    assert await gone(int((tmp_path / "pid").read_text()))


async def gone(pid: int) -> bool:
    """Whether a process ends within a second; init may take a moment to bury it."""
    for _ in range(100):
        if not runs(pid):
            return True
        await asyncio.sleep(0.01)
    return False


def runs(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def test_output_without_end_is_read_and_only_its_start_is_kept(http: ClientSession) -> None:
    with pytest.raises(SendError) as caught:
        await shell("head -c 3000000 /dev/zero | tr '\\0' x; exit 1").send(make_message(), http)
    assert len(caught.value.detail) < 400


async def test_a_program_need_not_read_its_input(http: ClientSession) -> None:
    await make("true").send(make_message("x" * 1_000_000), http)


async def test_a_program_does_not_see_our_environment(
    tmp_path: Path, http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_SECRET", "s3cret")
    await shell('env >"$1"', str(tmp_path / "env")).send(make_message(), http)
    seen = (tmp_path / "env").read_text()
    assert "s3cret" not in seen
    assert f"PATH={os.environ['PATH']}" in seen


async def test_a_program_that_is_not_there_is_told_by_name(http: ClientSession) -> None:
    missing = make("/no/such/program")
    with pytest.raises(SendError, match="cannot run /no/such/program: No such file"):
        await missing.send(make_message(), http)
    with pytest.raises(SendError, match="no program that can be run"):
        await missing.examine(http)
    assert "is there" in await make("true").examine(http)


def test_there_must_be_a_program() -> None:
    with pytest.raises(ValidationError, match="argv"):
        make()
