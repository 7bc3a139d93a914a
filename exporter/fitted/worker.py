"""The worker as the serving process sees it: one child, asked with a deadline, killed beyond it."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import exporter
from exporter.fitted import wire
from exporter.fitted.contract import Arrays

ARGV = (sys.executable, "-W", "ignore", "-m", "exporter.fit")
OUT_OF_MEMORY = 3
"""The exit status by which a worker says that it reached its bound."""
_PATIENCE = 5.0
"""Seconds that a worker gets to end by itself when it is no longer asked."""
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""A fit takes one core at most, and not its share of every one."""


class FitError(Exception):
    """A fit came to nothing; `outcome` is one word that says why."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Worker:
    """At most one process at a time; started when asked, and ended by `close` or `kill`."""

    def __init__(self, argv: tuple[str, ...] = ARGV) -> None:
        self._argv = argv
        self._process: asyncio.subprocess.Process | None = None

    async def fit(self, request: Arrays, deadline: float) -> Arrays:
        """Return what comes back within `deadline` seconds, or raise FitError."""
        try:
            async with asyncio.timeout(deadline):
                return await self._ask(request)
        except TimeoutError:
            outcome = "timeout"
        except (OSError, asyncio.IncompleteReadError):
            ended = await self._ended()
            outcome = "memory" if ended == OUT_OF_MEMORY else "failed"
        except ValueError:
            outcome = "invalid"
        await self.kill()
        raise FitError(outcome)

    async def _ask(self, request: Arrays) -> Arrays:
        process = self._process = self._process or await self._start()
        assert process.stdin  # noqa: S101 -- it was asked for
        assert process.stdout  # noqa: S101
        process.stdin.write(wire.pack(request))
        await process.stdin.drain()
        head = await process.stdout.readexactly(wire.HEAD.size)
        return wire.unpack(await process.stdout.readexactly(wire.length(head)))

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=pipe,
            stdout=pipe,
            cwd=Path(exporter.__file__).parents[1],
            env=os.environ | _ONE_THREAD,
            start_new_session=True,  # Ctrl-C is for the serving process, which then ends this one
        )

    async def _ended(self) -> int | None:
        """Return the exit status of a process that has closed its output."""
        with contextlib.suppress(TimeoutError):
            if self._process:
                return await asyncio.wait_for(self._process.wait(), _PATIENCE)
        return None

    async def close(self) -> None:
        """Let the worker end: it does when nothing more can come."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            await self._ended()
            await self.kill()

    async def kill(self) -> None:
        """End the worker now, and see that it is gone."""
        process, self._process = self._process, None
        if process:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.communicate(), _PATIENCE)
