"""Evidence, before it is gone: what runs, fills the disk, is connected, and was logged."""

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from receiver.responses.actions import evidence, processes
from receiver.responses.actions.aside import Look, aside
from receiver.responses.actions.conceal import conceal
from receiver.responses.actions.contract import (
    LONGEST_OUTPUT,
    Action,
    ActionError,
    Done,
    Tools,
)

_MOST_LINES = 2_000
_HEAD = 40
"""Bytes for what stands above each part."""
_PID = re.compile(r"[1-9]\d{0,9}", re.ASCII)


class Part(StrEnum):
    """What can be looked at."""

    PROCESSES = "processes"
    DISK = "disk"
    SOCKETS = "sockets"
    LOG = "log"
    JOURNAL = "journal"
    FILES = "files"
    GPU = "gpu"


def _check_path(text: str) -> str:
    """Refuse a path whose folder an alert could choose."""
    fixed = text.partition("$")[0].rpartition("/")[0]
    if not text.startswith("/") or ("$" in text and not fixed):
        raise ValueError(f"{text!r:.80}: write a path like /var/log/app/${{labels.app}}.log")
    return text


PathText = Annotated[str, AfterValidator(_check_path)]


class Diagnose(Action):
    """Look at each `what`: `disk` below `root`, `lines` of `log` and of the journal of `unit`.

    `files` are those that process `pid` has open. What cannot be seen is said in its place.
    """

    idempotent: ClassVar[bool] = True
    harmless: ClassVar[bool] = True

    action: Literal["diagnose"]
    what: Annotated[tuple[Part, ...], Field(min_length=1)] = (Part.PROCESSES,)
    root: PathText = "/"
    log: PathText = ""
    unit: str = ""
    pid: str = ""
    lines: Annotated[int, Field(ge=1, le=_MOST_LINES)] = 100

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        for part, key in ((Part.LOG, "log"), (Part.FILES, "pid")):
            if part in self.what and not getattr(self, key):
                raise ValueError(f"what: {part} needs {key}; write it, or leave {part} out")
        return self

    @property
    def says(self) -> str:
        """What it looks at."""
        return f"look at {', '.join(self.what)}"

    async def run(self, tools: Tools) -> Done:  # noqa: ARG002 -- the contract's
        """Look; raises ActionError where nothing at all can be seen."""
        share = self.timeout / (len(self.what) + 1)
        found = {part: await self._seen(part, share) for part in self.what}
        room = LONGEST_OUTPUT // len(found) - _HEAD
        texts = [f"== {part}\n{_cut(text, room)}" for part, (_, text) in found.items()]
        output = "\n\n".join(texts)
        blind = [part for part, (seen, _) in found.items() if not seen]
        if len(blind) == len(found):
            raise ActionError("nothing_seen", f"{', '.join(blind)} cannot be seen", output=output)
        missing = f", not {', '.join(blind)}" if blind else ""
        return Done(f"looked at {', '.join(p for p in found if p not in blind)}{missing}", output)

    async def _seen(self, part: Part, seconds: float) -> tuple[bool, str]:
        """Look at one thing within its time; returns whether it could be seen."""
        try:
            async with asyncio.timeout(seconds):
                text = await self._look(part, seconds)
                return True, await aside(lambda _: conceal(text))
        except TimeoutError:
            return False, f"not seen within {seconds:g} s"
        except OSError as error:
            return False, error.strerror or type(error).__name__
        except (ActionError, evidence.UnseenError) as error:
            return False, str(error)

    async def _look(self, part: Part, seconds: float) -> str:
        if argv := self._programs().get(part):
            return await _said(argv)
        return await aside(self._works(monotonic() + seconds * 0.8)[part])

    def _works(self, until: float) -> Mapping[Part, Callable[[Look], str]]:
        return {
            Part.PROCESSES: evidence.processes,
            Part.DISK: lambda look: evidence.disk(Path(self.root), until, look),
            Part.SOCKETS: lambda _: evidence.sockets(),
            Part.LOG: lambda _: evidence.tail(Path(self.log), self.lines),
            Part.FILES: lambda _: evidence.files(self._number()),
        }

    def _programs(self) -> Mapping[Part, Sequence[str]]:
        unit = [f"--unit={self.unit}"] if self.unit else []
        journal = ["journalctl", "--no-pager", "--output=short-iso", f"--lines={self.lines}"]
        return {Part.JOURNAL: [*journal, *unit], Part.GPU: ["nvidia-smi", "-q"]}

    def _number(self) -> int:
        if not _PID.fullmatch(self.pid):
            raise ActionError("no_pid", f"{self.pid!r:.40} is no process id")
        return int(self.pid)


async def _said(argv: Sequence[str]) -> str:
    """Start a program that is on this machine, if it is."""
    program = shutil.which(argv[0])
    if program is None:
        raise ActionError("cannot_start", f"there is no {argv[0]} here")
    ended = await processes.run([program, *argv[1:]])
    if ended.code:
        raise ActionError("failed", f"exit {ended.code}: {ended.output.strip():.200}")
    return ended.output


def _cut(text: str, room: int) -> str:
    """Keep the end, where the newest lines of a log stand."""
    data = text.encode("utf-8", "replace")
    if len(data) <= room:
        return text
    return f"[... cut]\n{data[-room:].decode('utf-8', 'ignore')}"
