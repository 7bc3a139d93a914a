"""What templates see of a digest: kinds of alerts, bounded and without decisions left."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class KindView:
    """All alerts of one name and severity in a digest; `more` hosts than these have them.

    Where a digest is of few messages there is one for each of them, with its `summary`, the `link`
    to its incident's page, and what the page of a mail calls its `picture`; all may be empty.
    """

    emoji: str
    name: str
    firing: int
    settled: int
    hosts: tuple[str, ...]
    more: int
    summary: str = ""
    link: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class DigestView:
    """What waited since a time and is told in one: of so many `messages`, at most sixty kinds.

    `more` kinds are not among them, of which `others` are names; `link` leads to our own pages, or
    is empty.
    """

    resolved: bool
    emoji: str
    state: str
    messages: int
    since: datetime
    names: tuple[str, ...]
    kinds: tuple[KindView, ...]
    more: int
    link: str
    others: tuple[str, ...] = ()
