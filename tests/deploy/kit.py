"""What the tests of deploy/ share."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


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
