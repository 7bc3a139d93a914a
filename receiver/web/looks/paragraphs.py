"""Markdown's lines as headings, quotes, lists and paragraphs."""

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter

from markupsafe import Markup

Draw = Callable[[str], Markup]

_MARKS = {
    "head": re.compile(r"#{1,6} "),
    "quote": re.compile(r"> ?"),
    "item": re.compile(r"[-*] "),
    "rule": re.compile(r"-{3,}\s*$"),
    "gap": re.compile(r"\s*$"),
    "text": re.compile(""),
}
_SHAPES = {
    "head": Markup("<h3>{}</h3>"),
    "quote": Markup("<blockquote>{}</blockquote>"),
    "item": Markup("<li>{}</li>"),
    "rule": Markup("<hr>{}"),
    "gap": Markup("{}"),
    "text": Markup("<p>{}</p>"),
}
_GOES_ON = {("text", "text"), ("item", "text"), ("quote", "text"), ("quote", "quote")}
"""Kinds of lines that are one paragraph where they follow each other."""


def paragraphs(text: str, inline: Draw, *, breaks: bool) -> Markup:
    """Return the text as HTML; with `breaks` a line's end is one, else it is a space.

    Two spaces before it make it one anyway.
    """
    drawn = Markup()
    for kind, blocks in groupby(_blocks(text), key=itemgetter(0)):
        shapes = (
            _SHAPES[kind].format(_joined(lines, inline, breaks=breaks)) for _, lines in blocks
        )
        pieces = Markup().join(shapes)
        drawn += Markup("<ul>{}</ul>").format(pieces) if kind == "item" else pieces
    return drawn


def _blocks(text: str) -> list[tuple[str, list[str]]]:
    blocks: list[tuple[str, list[str]]] = [("gap", [])]
    for line in text.split("\n"):
        kind, found = next((k, m) for k, mark in _MARKS.items() if (m := mark.match(line)))
        rest = line[found.end() :]
        if (blocks[-1][0], kind) in _GOES_ON:
            blocks[-1][1].append(rest)
        else:
            blocks.append((kind, [rest]))
    return blocks


def _joined(lines: Sequence[str], inline: Draw, *, breaks: bool) -> Markup:
    drawn = Markup()
    for number, line in enumerate(lines, 1):
        ends = Markup("<br>") if breaks or line.endswith("  ") else " "
        drawn += inline(line.rstrip()) + ("" if number == len(lines) else ends)
    return drawn
