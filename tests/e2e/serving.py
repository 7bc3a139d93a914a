"""The real receiver in a process of its own, that can be killed."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from receiver.config import load
from receiver.model import ConfigError
from receiver.settings import secrets_of

ROOT = Path(__file__).parents[2]
_STARTED = "listening on "
_TELLING = 8
"""Letters; shorter secrets of the tests are words that may stand anywhere."""


@dataclass
class Receiver:
    """A running receiver: its URL, and what it has logged."""

    process: Process
    url: str = ""
    log: list[str] = field(default_factory=list)

    async def read(self) -> None:
        """Keep the log, and take the URL from it."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(line.decode())
            if _STARTED in self.log[-1]:
                self.url = self.log[-1].partition(_STARTED)[2].strip()

    async def started(self) -> None:
        async with asyncio.timeout(60):
            while not self.url:
                assert self.process.returncode is None, "".join(self.log)
                await asyncio.sleep(0.01)

    def tell_none(self, config: Path) -> None:
        """Look for the secrets of a configuration, as it is now, in what was logged."""
        text = "".join(self.log)
        told = [one for one in secrets_of(load(config)) if len(one) >= _TELLING and one in text]
        assert not told

    async def kill(self) -> None:
        """Let it die at once, as on a power cut, though what the kernel has is kept."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """Ask it to stop; returns its exit status."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            return await self.process.wait()


def configure(folder: Path, **document: Any) -> Path:
    path = folder / "receiver.yml"
    path.write_text(yaml.safe_dump(document))
    return path


@asynccontextmanager
async def receiver(config: Path) -> AsyncIterator[Receiver]:
    """Start `python -m receiver serve` with its state beside its configuration."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "receiver", "serve", "--config", str(config)),
        *("--listen", "127.0.0.1:0"),
        cwd=ROOT,
        env=os.environ | {"TOCSIN_HOME": str(config.parent / "state")},
        stderr=PIPE,
    )
    running = Receiver(process)
    reading = asyncio.create_task(running.read())
    try:
        await running.started()
        yield running
    finally:
        if process.returncode is None:
            await running.kill()
        await reading
    with suppress(ConfigError):  # a test may have broken it
        running.tell_none(config)
