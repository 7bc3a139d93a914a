"""The terminal that the receiver runs in."""

import asyncio
import contextlib
import os
import re
import select
import sys
from typing import ClassVar, TextIO

from aiohttp import ClientSession

from receiver.channels.contract import Channel, Format
from receiver.model import Message, SendError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_GLANCE = 0.05
"""Seconds between two looks at whether a full pipe is read again."""


class Terminal(Channel):
    """Prints each message to standard output; in colour only where that is a terminal."""

    format: ClassVar[Format] = "text"

    async def send(self, message: Message, http: ClientSession) -> None:  # noqa: ARG002 -- the contract's
        """Write in a thread and only when there is room: a pipe that nobody reads blocks."""
        try:
            async with asyncio.timeout(self.timeout):
                while not _has_room(sys.stdout):  # noqa: ASYNC110 -- no event tells of it
                    await asyncio.sleep(_GLANCE)
                await asyncio.to_thread(_write, sys.stdout, message)
        except TimeoutError:
            raise SendError("timeout", "nobody reads standard output") from None
        except (OSError, ValueError) as error:
            raise SendError("unreachable", self.clean(f"standard output: {error}")) from None


def _has_room(stream: TextIO) -> bool:
    with contextlib.suppress(OSError, ValueError):  # not a file, or closed: writing will tell
        return bool(select.select([], [stream], [], 0)[1])
    return True


def _write(stream: TextIO, message: Message) -> None:
    """Write one message at once, so that no other output lands inside it."""
    title = _harmless(message.title)
    if stream.isatty() and "NO_COLOR" not in os.environ:
        red, green, blue = bytes.fromhex(message.color.removeprefix("#"))
        title = f"\x1b[1;38;2;{red};{green};{blue}m{title}\x1b[0m"
    encoding = stream.encoding or "utf-8"
    text = f"\n{title}\n{_harmless(message.body)}\n".encode(encoding, "replace").decode(encoding)
    stream.write(text)
    stream.flush()


def _harmless(text: str) -> str:
    """Replace control characters: an escape sequence in a label could rewrite the screen."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
