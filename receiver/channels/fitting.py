"""Making a text fit a provider's limit: whole lines go, and a note says how many."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from receiver.model import Language, Message

_LONGEST_LINE = 2_000
_NOTE = {Language.EN: "… {} more lines left out", Language.ZH: "……其余 {} 行未显示"}


def units(text: str) -> int:
    """Count UTF-16 code units, which is how chat services in JavaScript measure length."""
    return len(text.encode("utf-16-le", "replace")) // 2


def first_units(text: str, count: int) -> str:
    """Return as much of the start as is at most `count` units, with no character cut in two."""
    return text.encode("utf-16-le", "replace")[: count * 2].decode("utf-16-le", "ignore")


def fit(
    text: str,
    fits: Callable[[str], bool],
    language: Language | None,
    longest: int = _LONGEST_LINE,
    shorten: Callable[[str], str] | None = None,
) -> str:
    """Return as many leading lines of `text` as `fits` allows, with a note of what is missing.

    A line longer than `longest` units is cut first, so that one line alone always fits; by
    `shorten` where the lines have tags that must be closed.
    """
    if fits(text):
        return text
    cut = shorten or partial(_shorten, longest=longest)
    lines = [cut(line) for line in text.split("\n")]
    few, many = 0, len(lines)  # `few` lines fit, more than `many` do not
    while few < many:
        middle = (few + many + 1) // 2
        if fits(_cut(lines, middle, language)):
            few = middle
        else:
            many = middle - 1
    return _cut(lines, few, language)


def words_of(message: Message, title: str, text: str) -> dict[str, str]:
    """Return what a message says under the names that users know, with this title and text."""
    return {
        "title": title,
        "text": text,
        "status": message.status.value,
        "severity": message.severity.name,
        "color": message.color,
        "key": message.key,
        "thread": message.thread,
    }


def fit_body(
    message: Message, build: Callable[[str], Any], longest: int, language: Language | None
) -> bytes:
    """Write as JSON what `build` makes of the message's text, cut to at most `longest` bytes."""

    def write(text: str) -> bytes:
        return json.dumps(build(text), ensure_ascii=False).encode("utf-8", "replace")

    whole = write(message.body)
    if len(whole) <= longest:
        return whole
    return write(fit(message.body, lambda text: len(write(text)) <= longest, language))


def _cut(lines: list[str], kept: int, language: Language | None) -> str:
    note = _NOTE[language or Language.EN].format(len(lines) - kept)
    return "\n".join(lines if kept == len(lines) else [*lines[:kept], "", note])


def _shorten(line: str, longest: int) -> str:
    return line if units(line) <= longest else first_units(line, longest) + "…"
