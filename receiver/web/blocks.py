"""The text of a message in the pieces that the page shows apart: what happened, facts, links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from receiver.messages.words import LINKS

_STATE = re.compile(r"\[\W*(?P<state>[^\]]+)\] (?P<about>.+)")
_PAIR = re.compile(r"([^\s:：][^:：]{0,23})[:：] ?(.+)")
_URL = re.compile(r"https?://\S+")
_LINK_WORDS = frozenset(word for words in LINKS.values() for word in words.values())
_LEAST_FACTS = 3
"""Lines `word: text` of which the first paragraph has fewer are somebody's sentences."""


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph: its lines, or for facts and links its (name, value)."""

    kind: Literal["lead", "text", "facts", "links"]
    lines: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()


def split_title(title: str) -> tuple[str, str]:
    """Return the state in a title's brackets, without its emoji, and what the title is about.

    The state is empty where a template writes titles of another shape.
    """
    found = _STATE.fullmatch(title)
    return (found["state"].strip(), found["about"]) if found else ("", title)


def split_body(body: str) -> Iterator[Block]:
    """Cut a text into its paragraphs; whatever has not the shape of facts or links is text."""
    paragraphs = re.split(r"\n\s*\n", body.strip()) if body.strip() else []
    for number, paragraph in enumerate(paragraphs):
        lines = tuple(paragraph.splitlines())
        found = [_PAIR.fullmatch(line) for line in lines]
        pairs = tuple((pair[1], pair[2]) for pair in found if pair)
        if len(pairs) < len(lines):
            yield Block("text" if number else "lead", lines)
        elif number == len(paragraphs) - 1 and all(map(_is_link, pairs)):
            yield Block("links", pairs=pairs)
        elif number or len(pairs) >= _LEAST_FACTS:
            yield Block("facts", pairs=pairs)
        else:
            yield Block("lead", lines)


def _is_link(pair: tuple[str, str]) -> bool:
    """Whether it is one of our own links: a word that an alert chose must not hide an address."""
    return pair[0] in _LINK_WORDS and _URL.fullmatch(pair[1]) is not None
