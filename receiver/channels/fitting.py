"""Making a text fit a provider's limit: whole lines go, and a note says how many."""

from collections.abc import Callable

from receiver.model import Language

_LONGEST_LINE = 2_000
_NOTE = {Language.EN: "… {} more lines left out", Language.ZH: "……其余 {} 行未显示"}


def units(text: str) -> int:
    """Count UTF-16 code units, which is how chat services in JavaScript measure length."""
    return len(text.encode("utf-16-le")) // 2


def fit(text: str, fits: Callable[[str], bool], language: Language | None) -> str:
    """Return as many leading lines of `text` as `fits` allows, with a note of what is missing.

    A line longer than 2,000 characters is cut first, so that one line alone always fits.
    """
    if fits(text):
        return text
    lines = [_shorten(line) for line in text.split("\n")]
    few, many = 0, len(lines)  # `few` lines fit, more than `many` do not
    while few < many:
        middle = (few + many + 1) // 2
        if fits(_cut(lines, middle, language)):
            few = middle
        else:
            many = middle - 1
    return _cut(lines, few, language)


def _cut(lines: list[str], kept: int, language: Language | None) -> str:
    note = _NOTE[language or Language.EN].format(len(lines) - kept)
    return "\n".join(lines if kept == len(lines) else [*lines[:kept], "", note])


def _shorten(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + "…"
