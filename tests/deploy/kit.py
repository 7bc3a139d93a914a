"""What the tests of deploy/ share."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENOUGH = 90
"""Seconds for anything that a busy machine may take long for."""
Start = Callable[..., subprocess.Popen[str]]


@dataclass(frozen=True, slots=True)
class Running:
    """A running stack: its state folder and the first of its four ports."""

    home: Path
    port_base: int


def start_stack(home: Path, port_base: int, *arguments: str) -> subprocess.Popen[str]:
    """Start deploy/up.py; the caller stops it."""
    return subprocess.Popen(
        [sys.executable, "-m", "deploy.up", "--port-base", str(port_base), *arguments],
        cwd=ROOT,
        env={**os.environ, "TOCSIN_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read standard output up to a line with the text; the process must not end before."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    pytest.fail(f"ended without {text!r}: {seen} {process.communicate()[1]}")


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return exit status, standard output and standard error once it has ended."""
    output, errors = process.communicate(timeout=ENOUGH)
    return process.returncode, output, errors


def free_ports(count: int) -> int:
    """Return the first of so many free ports in a row."""
    for base in range(21000 + os.getpid() % 1000 * 8, 60000, count):
        with ExitStack() as held:
            try:
                for port in range(base, base + count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    pytest.fail("no free ports in a row")


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that name a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Return once the condition holds; fails the test after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen within {seconds:g} s: {what}")
        time.sleep(0.05)
