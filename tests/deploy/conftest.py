"""Free ports in a row, and the stack as a process of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.deploy.kit import ROOT


@pytest.fixture
def port_base() -> int:
    """Four free ports in a row."""
    for base in range(21000 + os.getpid() % 1000 * 8, 60000, 4):
        with ExitStack() as held:
            try:
                for port in range(base, base + 4):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    pytest.fail("no four free ports in a row")


@pytest.fixture
def start_up(tmp_path: Path, port_base: int) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start deploy/up.py with a state folder of its own; whatever still runs ends with the test."""
    started = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.up", "--port-base", str(port_base), *arguments],
            cwd=ROOT,
            env={**os.environ, "TOCSIN_HOME": str(tmp_path / "home")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=30)
