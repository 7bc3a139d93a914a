"""Rendering with a template that somebody is still writing, in a process that can be killed.

The sandbox keeps a template from what it must not see, and `range` from more than 100,000 steps;
but loops in loops and texts that double need a bound on time and memory that a thread cannot have.
"""

import asyncio
import os
import resource
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from datetime import datetime
from time import process_time
from typing import cast

from receiver.channels.contract import Format
from receiver.intake.webhook import ParseError, parse
from receiver.messages.checking import Inspector
from receiver.messages.custody import NOBODY, Custody
from receiver.messages.library import Key, Source, put_in_place
from receiver.messages.parsing import objections
from receiver.messages.render import Style
from receiver.messages.samples import BACKGROUNDS, SAMPLES
from receiver.messages.writing import write
from receiver.model import UNKNOWN, Language
from receiver.settings import Section

PATIENCE = 15.0
"""Seconds of a clock, most of which a busy machine needs to start the process."""
_CPU = 3
_MEMORY = 256 * 2**20
"""Bytes of address space: with the receiver's own it stays below what its unit allows."""
_TOO_MUCH = f"it takes more than {_CPU} s or {_MEMORY // 2**20} MiB; loop less, write less"


class Written(Section):
    """What templates write of a message, and what failed on the way, with file and line."""

    title: str = ""
    body: str = ""
    html: str = ""
    failures: tuple[str, ...] = ()


class Ask(Section):
    """What is to be written, and by which templates: those of the user's own, and the new one.

    It is about the sample of a name, or else a webhook's body.
    """

    format: str
    language: Language
    timezone: str
    external_url: str
    changes: bool
    now: datetime
    sample: str
    webhook: str
    own: tuple[tuple[Language, str, str, str], ...]
    custody: Custody = NOBODY

    @property
    def style(self) -> Style:
        """How the channel wants its messages."""
        written = cast("Format", self.format)
        return Style(written, self.language, self.timezone, self.external_url, changes=self.changes)


def unfold(own: Mapping[Key, Source]) -> tuple[tuple[Language, str, str, str], ...]:
    """Write templates as `Ask.own` has them."""
    return tuple((*key, source.path, source.text) for key, source in own.items())


async def write_apart(ask: Ask) -> Written:
    """Write a message in another process, which ends with its patience."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", __name__),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        cwd="/",
        env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1"},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            said, _ = await process.communicate(ask.model_dump_json().encode())
    except TimeoutError:
        return Written(failures=(_TOO_MUCH,))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return (
        Written(failures=(_TOO_MUCH,)) if process.returncode else Written.model_validate_json(said)
    )


def _answer(ask: Ask) -> Written:
    own = {(language, name): Source(path, text) for language, name, path, text in ask.own}
    if problems := [said for key in own for said in objections(own, key)]:
        return Written(failures=tuple(problems))
    style, templates, custody = ask.style, put_in_place(own), ask.custody
    background = BACKGROUNDS.get(ask.sample, UNKNOWN)
    try:
        told = SAMPLES[ask.sample] if ask.sample else [parse(ask.webhook.encode())]
        message = write(told, style, templates, ask.now, background, custody).message
        failures = Inspector(templates).failures(told, style, ask.now, background, custody)
        return Written(
            title=message.title,
            body=message.body,
            html=message.html,
            failures=tuple(map(str, failures)),
        )
    except ParseError as error:
        return Written(failures=(str(error),))
    except MemoryError:
        return Written(failures=(_TOO_MUCH,))


def _bound() -> None:
    """Let the kernel end this process where it wants too much; raises OSError or ValueError."""
    started = int(process_time()) + 1  # what it took to get here is not the template's
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, started + _CPU),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))


def _main() -> None:
    try:
        _bound()
    except (OSError, ValueError) as error:
        answer = Written(failures=(f"{error}: nothing bounds a template here; use `preview`",))
    else:
        answer = _answer(Ask.model_validate_json(sys.stdin.buffer.read()))
    sys.stdout.write(answer.model_dump_json())


if __name__ == "__main__":
    _main()
