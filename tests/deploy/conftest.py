"""Free ports in a row, and the stack as a process of its own."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.kit import ENOUGH, Running, Start, free_ports, read_until, start_stack


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """Let children hear Ctrl-C: a shell makes what it starts in the background ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def port_base() -> int:
    """Four free ports in a row."""
    return free_ports(4)


@pytest.fixture
def start_up(tmp_path: Path, port_base: int) -> Iterator[Start]:
    """Start deploy/up.py with a state folder of its own; whatever still runs ends with the test."""
    started = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        started.append(start_stack(tmp_path / "home", port_base, *arguments))
        return started[-1]

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=ENOUGH)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One stack that runs, for tests that only look at it."""
    stack = Running(tmp_path_factory.mktemp("running") / "home", free_ports(4))
    process = start_stack(stack.home, stack.port_base)
    try:
        read_until(process, "prometheus ")
        yield stack
    finally:
        process.terminate()
        process.communicate(timeout=ENOUGH)
