"""The links of a message as buttons, in place of the line of links that ends its text."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from receiver.model import Message

Link = tuple[str, str]
Write = Callable[[str, str], str]

_LONGEST = 4_000
"""Bytes of all buttons together, three times as many within other URLs: a text has room too."""
_BETWEEN = " · "


def lift(message: Message, most: int, written: Write = "[{}]({})".format) -> Message:
    """Return the message with those links alone that become buttons, and its text without them.

    `written` writes the words and the URL of a link as the text does.
    """
    links = _choose(message.links, most)
    shown = {written(*link) for link in links}
    return replace(message, links=links, body=_without(message.body, shown))


def _choose(links: Iterable[Link], most: int) -> tuple[Link, ...]:
    """Return the first that are few and short enough together."""
    chosen: list[Link] = []
    room = _LONGEST
    for words, url in links:
        size = len((words + url).encode("utf-8", "replace"))
        if len(chosen) < most and size <= room:
            chosen.append((words, url))
            room -= size
    return tuple(chosen)


def _without(body: str, shown: Collection[str]) -> str:
    """Drop links from the last line; one that is written in another way stays.

    A body that would be empty stays as it is: no chat takes that.
    """
    head, _, last = body.rpartition("\n")
    rest = _BETWEEN.join(link for link in last.split(_BETWEEN) if link not in shown)
    return body if rest == last else f"{head}\n{rest}".strip() or body
