"""How far a long run is, on standard error: a bar on a terminal, else a line now and then."""

import time
from typing import Self, TextIO

_WIDTH = 30
_QUIET = 2.0
"""Seconds before the first word: a short run needs none."""
_BAR_EVERY, _LINE_EVERY = 0.2, 30.0


class Progress:
    """Tells of one piece of work; call it with the part that is done, 0 to 1."""

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what = what
        self._stream = stream
        self._bar = stream.isatty()
        self._started = time.monotonic()
        self._next = self._started + (_QUIET if self._bar else _LINE_EVERY)
        self._said = False

    def __call__(self, part: float) -> None:
        """Say how far it is, unless that was said just now."""
        now = time.monotonic()
        if now < self._next or part <= 0:
            return
        self._next = now + (_BAR_EVERY if self._bar else _LINE_EVERY)
        left = clock((now - self._started) * (1 - part) / part)
        if self._bar:
            filled = "#" * int(part * _WIDTH)
            self._say(f"\r{self._what} [{filled:{_WIDTH}}] {part:4.0%}, {left} left ")
        else:
            self._say(f"{self._what}: {part:.0%}, {left} left\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Clear the bar, so that what is printed next stands on a line of its own."""
        if self._bar and self._said:
            self._say("\r\x1b[K")

    def _say(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
        self._said = True


def clock(seconds: float) -> str:
    """Spell a duration as 1:02:03, or 2:03 below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
