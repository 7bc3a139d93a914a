"""A program of the user's own, given the message as JSON on its standard input."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from typing import Annotated, ClassVar

from aiohttp import ClientSession
from pydantic import Field

from receiver.channels.contract import Channel, Format, name_destination
from receiver.channels.fitting import words_of
from receiver.model import Message, SendError

_LONGEST_OUTPUT = 4_096
_PASSED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ")
"""What of our environment a program gets: secrets may stand in the rest."""

# sysexits.h: what is between is about the message or the setup; 75 asks to try again.
_EX_TEMPFAIL, _EX_USAGE, _EX_CONFIG = 75, 64, 78


class Command(Channel):
    """`argv` is started without a shell, in a process group that is killed after `timeout`.

    Exit 0 is a success, 75 a failure to try again, any other from 64 to 78 the end of the
    message; all others are tried again, too.
    """

    format: ClassVar[Format] = "text"

    argv: Annotated[tuple[str, ...], Field(min_length=1)]

    @property
    def destination(self) -> str:
        """The program with its arguments."""
        return name_destination("command", *self.argv)

    async def send(self, message: Message, http: ClientSession) -> None:  # noqa: ARG002 -- the contract's
        """Run the program; its exit code says how it went, its output why."""
        said = json.dumps(words_of(message, message.title, message.body), ensure_ascii=False)
        process = await self._start()
        code, output, done = None, "", False
        try:
            async with asyncio.timeout(self.timeout):
                _, output, code = await asyncio.gather(
                    _feed(process, said.encode("utf-8", "replace")),
                    _collect(process),
                    process.wait(),
                )
            done = True
        except TimeoutError:
            code = process.returncode  # it may be done, and only what it left behind is not
        finally:
            if not done:
                await _kill(process)
        if code is None:
            raise SendError("timeout", f"still runs after {self.timeout:g} s")
        if code != 0:
            raise _failure(code, self.clean(output))

    async def examine(self, http: ClientSession) -> str:  # noqa: ARG002 -- the contract's
        """Look for the program."""
        if shutil.which(self.argv[0]) is None:
            raise SendError("unreachable", f"{self.argv[0]} is no program that can be run")
        return "the program is there; only --send tells whether it works"

    async def _start(self) -> Process:
        env = {name: os.environ[name] for name in _PASSED if name in os.environ}
        try:
            return await asyncio.create_subprocess_exec(
                *self.argv, stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=env, start_new_session=True
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise SendError("unreachable", f"cannot run {self.argv[0]}: {why}") from None


async def _feed(process: Process, text: bytes) -> None:
    """Write the message; a program need not read it."""
    assert process.stdin is not None  # noqa: S101 -- it was asked for
    with contextlib.suppress(ConnectionError):
        process.stdin.write(text)
        await process.stdin.drain()
    process.stdin.close()


async def _collect(process: Process) -> str:
    """Read all that it says until it and all that it started are done; keep the start."""
    assert process.stdout is not None  # noqa: S101 -- it was asked for
    kept = b""
    while chunk := await process.stdout.read(_LONGEST_OUTPUT):
        kept = (kept + chunk)[:_LONGEST_OUTPUT]
    return kept.decode("utf-8", "replace")


async def _kill(process: Process) -> None:
    """End the whole group, whatever it started; nothing where all of it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _failure(code: int, said: str) -> SendError:
    detail = f"exit {code}: {said or 'it says nothing'}"
    if code == _EX_TEMPFAIL:
        return SendError("server", detail)
    permanent = _EX_USAGE <= code <= _EX_CONFIG
    return SendError("rejected" if permanent else "failed", detail, permanent=permanent)
