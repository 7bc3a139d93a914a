"""Programs that actions start: no shell, a clean environment, a group that ends with its leader."""

import asyncio
import contextlib
import ctypes
import os
import resource
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from receiver.responses.actions.contract import LONGEST_OUTPUT, ActionError

_PASSED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "XDG_RUNTIME_DIR")
"""What of our environment a program gets: secrets may stand in the rest.

The last is where `systemctl --user` finds whom to ask.
"""
_PATIENCE = 2.0
"""Seconds that a group has to end by itself once it is asked to."""
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
"""A program must not go on when the receiver dies: nobody would end it (prctl(2))."""
_FILES = 1024
_CORE = 0
_CUT = "\n[... cut]"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it said, its start and its end where it said too much."""

    code: int
    output: str


async def run(
    argv: Sequence[str], *, folder: Path | None = None, memory: int | None = None
) -> Ended:
    """Run a program to its end; raises ActionError. Cancelled, its whole group ends first."""
    process = await _start(argv, folder, memory)
    done = False
    try:
        output, code = await asyncio.gather(_collect(process), process.wait())
        done = True
    finally:
        if done:
            _signal(process, signal.SIGKILL)  # what it left behind in its group
        else:
            await asyncio.shield(_end(process))
    return Ended(code, output)


async def _start(argv: Sequence[str], folder: Path | None, memory: int | None) -> Process:
    env = {name: os.environ[name] for name in _PASSED if name in os.environ}

    def limit() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_CORE, (_CORE, _CORE))
        resource.setrlimit(resource.RLIMIT_NOFILE, (_FILES, _FILES))
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=env,
            cwd=folder,
            start_new_session=True,
            preexec_fn=limit,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ActionError("cannot_start", f"cannot run {argv[0]}: {why}") from None


async def _collect(process: Process) -> str:
    """Read all that it says until it and all that it started are done; keep both ends."""
    assert process.stdout is not None  # noqa: S101 -- it was asked for
    first, last, size = b"", b"", 0
    half = LONGEST_OUTPUT // 2
    while chunk := await process.stdout.read(half):
        size += len(chunk)
        room = half - len(first)
        first += chunk[:room]
        last = (last + chunk[max(room, 0) :])[-half:]
    gap = _CUT.encode() + b"\n" if size > len(first) + len(last) else b""
    return (first + gap + last).decode("utf-8", "replace")


async def _end(process: Process) -> None:
    """Ask the group to end, and then end it; nothing where all of it is gone."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _PATIENCE)
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
