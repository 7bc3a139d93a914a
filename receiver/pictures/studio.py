"""Keeps one drawing process warm, and ends it where a picture takes too long."""

import asyncio
import hashlib
import importlib.util
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import OrderedDict
from pathlib import Path

from receiver.pictures.chart import Chart
from receiver.pictures.process import LENGTH

_LOG = logging.getLogger(__name__)

_PROCESS = "receiver.pictures.process"
_START = 60.0
"""Seconds that it may take to load everything: the first time ever, matplotlib looks at fonts."""
_DRAW = 1.5
_MOST = 500
"""Pictures of one process; what it may have leaked by then ends with it."""
_KEPT = 32
"""Pictures that are remembered by what they show, some 50 KB each."""
_LARGEST = 4 * 2**20


class DrawError(Exception):
    """A picture that could not be drawn; `reason` is a short word for the metric."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def is_equipped() -> bool:
    """Whether matplotlib is installed; it is not imported here."""
    return importlib.util.find_spec("matplotlib") is not None


class Studio:
    """Draws charts one after another."""

    def __init__(self, home: Path) -> None:
        """Let matplotlib keep in `home` what it knows of fonts."""
        self._home = home
        self._process: Process | None = None
        self._starting: asyncio.Task[Process] | None = None
        self._turn = asyncio.Lock()
        self._drawn = 0
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()

    async def draw(self, chart: Chart) -> bytes:
        """Return a PNG; raises DrawError. A caller that does not wait ends the process."""
        said = chart.model_dump_json().encode()
        name = hashlib.sha256(said).digest()
        async with self._turn:
            if name not in self._kept:
                self._kept[name] = await self._exchange(await self._ready(), said)
            self._kept.move_to_end(name)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return self._kept[name]

    async def warm(self) -> None:
        """Load everything before the first picture is wanted; raises DrawError."""
        async with self._turn:
            await self._ready()

    async def close(self) -> None:
        """End the process."""
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await self._end()

    async def _ready(self) -> Process:
        """Return the process once all is loaded; one who waits no longer does not stop that."""
        if self._drawn >= _MOST:
            await self._end()
        if self._process is not None and self._process.returncode is None:
            return self._process
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> Process:
        await self._end()
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", _PROCESS),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd="/",
            env={
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "PYTHONUTF8": "1",
                "MPLCONFIGDIR": str(self._home.resolve()),
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        try:
            async with asyncio.timeout(_START):
                await _read(process)
        except TimeoutError:
            raise DrawError("timeout", f"not ready within {_START:g} s") from None
        else:
            self._process, self._drawn = process, 0
        finally:
            if self._process is not process:
                await _kill(process)
        return process

    async def _exchange(self, process: Process, said: bytes) -> bytes:
        picture = None
        try:
            async with asyncio.timeout(_DRAW):
                assert process.stdin is not None  # noqa: S101 -- it was asked for
                process.stdin.write(LENGTH.pack(len(said)) + said)
                picture = await _read(process)
        except TimeoutError:
            raise DrawError("timeout", f"not drawn within {_DRAW:g} s") from None
        finally:
            if picture is None:  # an answer that comes now would be taken for the next one
                await self._end()
        self._drawn += 1
        if not picture:
            raise DrawError("failed", "it cannot be drawn")
        return picture

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await _kill(process)


async def _read(process: Process) -> bytes:
    """Read an answer; raises DrawError where the process has ended."""
    assert process.stdout is not None  # noqa: S101 -- it was asked for
    try:
        (size,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
        if size > _LARGEST:
            raise DrawError("failed", f"a picture of {size} bytes")
        return await process.stdout.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        raise DrawError("failed", "the drawing process ended; is matplotlib whole?") from None


async def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
