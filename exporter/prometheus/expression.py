"""What can be said of a PromQL expression without asking a server."""

import re

_TOKEN = re.compile(
    r"""(?P<quoted>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)|#[^\n]*|(?P<mark>[][(){}"'`])"""
)
_PAIRS = {")": "(", "]": "[", "}": "{"}


def well_formed(text: str) -> str:
    """Return the expression; raises ValueError where quotes or brackets do not match."""
    opened: list[tuple[str, int]] = []
    for found in _TOKEN.finditer(text):
        mark, place = found["mark"], found.start() + 1
        if mark is None:
            continue
        if mark in _PAIRS.values():
            opened.append((mark, place))
        elif mark not in _PAIRS:
            raise ValueError(f"the quote {mark} at character {place} is never closed; close it")
        elif not opened or opened.pop()[0] != _PAIRS[mark]:
            raise ValueError(f"the {mark} at character {place} closes nothing; correct it")
    if opened:
        mark, place = opened[-1]
        raise ValueError(f"the {mark} at character {place} is never closed; close it")
    return text
