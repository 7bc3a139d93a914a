"""What can be said of a PromQL expression without asking a server."""

import re

_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|#[^\n]*|(?P<mark>[][(){}"'`])"""
)
_RANGE = re.compile(
    r"[^]]*\]\s*((offset\s+-?\w+|@\s*[\w.]+(\(\))?)\s*)*(#[^\n]*\s*)*", re.IGNORECASE
)
"""What follows the last bracket that opens outside all others, where a range is all there is."""
_PAIRS = {")": "(", "]": "[", "}": "{"}


def well_formed(text: str) -> str:
    """Return the expression; raises ValueError where quotes or brackets do not match.

    And where it is a range of values, of which nobody could say which one is meant.
    """
    opened: list[tuple[str, int]] = []
    outermost = ""
    for found in _TOKEN.finditer(text):
        mark, place = found["mark"], found.start() + 1
        if mark is None:
            continue
        if mark in _PAIRS.values():
            outermost = outermost if opened else text[place - 1 :]
            opened.append((mark, place))
        elif mark not in _PAIRS:
            raise ValueError(f"the quote {mark} at character {place} is never closed; close it")
        elif not opened or opened.pop()[0] != _PAIRS[mark]:
            raise ValueError(f"the {mark} at character {place} closes nothing; correct it")
    if opened:
        mark, place = opened[-1]
        raise ValueError(f"the {mark} at character {place} is never closed; close it")
    if outermost.startswith("[") and _RANGE.fullmatch(outermost):
        raise ValueError("a range of values, not one of each series; write e.g. rate(up[5m])")
    return text
