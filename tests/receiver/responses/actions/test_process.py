"""Real processes: the one that is meant ends, and no other does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from time import monotonic
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession
from pydantic import ValidationError

from receiver.responses.actions import ActionError, Tools
from receiver.responses.fields import UnsafeError, fill
from tests.receiver.responses.actions.acting import act, fields, step

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
WORK = "import time; print('up', flush=True); time.sleep(60)"


def start(code: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    return process


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    with start(WORK) as process:
        yield process
        process.kill()


def labels(pid: int, by: float = 0) -> dict[str, str]:
    about = psutil.Process(pid)
    return {
        "pid": str(pid),
        "started": f"{about.create_time() + by:.3f}",
        "name": about.name(),
    }


STOP: dict[str, Any] = {"do": "stop", "name": "${labels.name}"}


async def test_what_is_asked_to_stop_ends(
    http: ClientSession, worker: subprocess.Popen[bytes]
) -> None:
    named = labels(worker.pid)
    assert (await act(http, step("process", **STOP), **named)).said == "stopped by SIGTERM"
    assert worker.wait() == -15
    again = await act(http, step("process", **STOP), **named)
    assert "gone already" in again.said


async def test_what_does_not_listen_is_killed(http: ClientSession) -> None:
    with start(DEAF + WORK) as deaf:
        begun = monotonic()
        done = await act(http, step("process", **STOP, patience="200ms"), **labels(deaf.pid))
        assert done.said == "stopped by SIGKILL"
        assert monotonic() - begun >= 0.2
        assert deaf.wait() == -9


@pytest.mark.parametrize(
    "other", [{"name": "another"}, {"started": "1700000000"}, {"by": 5.0}, {"by": -5.0}]
)
async def test_another_process_with_its_pid_is_left_alone(
    http: ClientSession, worker: subprocess.Popen[bytes], other: dict[str, Any]
) -> None:
    told = {**labels(worker.pid, other.get("by", 0)), **other}
    told.pop("by", None)
    for do in ("stop", "renice"):
        with pytest.raises(ActionError, match=f"not_the_same: pid {worker.pid} is 'python"):
            await act(http, step("process", **{**STOP, "do": do}), **told)
    assert worker.poll() is None
    assert psutil.Process(worker.pid).nice() == psutil.Process().nice()


async def test_nothing_that_the_receiver_runs_in_is_stopped(http: ClientSession) -> None:
    for pid in (1, os.getpid(), os.getppid()):
        with pytest.raises(ActionError, match="not_allowed"):
            await act(http, step("process", **STOP), **labels(pid))


async def test_a_process_is_made_to_yield_and_gets_back_what_it_had(
    http: ClientSession, worker: subprocess.Popen[bytes]
) -> None:
    named = labels(worker.pid)
    about = psutil.Process(worker.pid)
    before = about.nice()
    asked = step("process", do="renice", name="${labels.name}", nice=15)
    assert asked.undoable
    done = await act(http, asked, **named)
    assert about.nice() == 15
    filled = fill(asked, fields(named))
    await filled.undo(Tools(http, named), done.notes)
    assert about.nice() == before


async def test_what_is_stopped_is_not_said_to_be_taken_back() -> None:
    assert not step("process", **STOP).undoable


@pytest.mark.parametrize("pid", ["0", "-1", "1.5", "1e3", "0x10", "٣", "1,2", "9" * 12, "$(id)"])
async def test_what_is_no_pid_touches_nothing(http: ClientSession, pid: str) -> None:
    with pytest.raises((ActionError, UnsafeError)) as told:
        await act(http, step("process", do="stop", name="x"), pid=pid, started="1")
    assert isinstance(told.value, UnsafeError) or "no_pid" in str(told.value)


@pytest.mark.parametrize("started", ["nan", "inf", "1e9", "soon", "1_000", "9" * 30])
async def test_what_is_no_time_touches_nothing(
    http: ClientSession, worker: subprocess.Popen[bytes], started: str
) -> None:
    named = {**labels(worker.pid), "started": started}
    with pytest.raises(ActionError, match="no_time"):
        await act(http, step("process", **STOP), **named)
    assert worker.poll() is None


@pytest.mark.parametrize("said", [{"do": "stop"}, {"do": "stop", "name": " "}, {"name": "x"}])
def test_what_to_do_to_whom_must_be_said(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        step("process", **said)
