"""Free ports in a row, and the stack as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.deploy.kit import ROOT, free_ports


@pytest.fixture
def port_base() -> int:
    """Four free ports in a row."""
    return free_ports(4)


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
