"""Parameters of lists: how many, from where on, and of which kind."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from receiver.settings import parse_duration
from receiver.web.problems import Refusal, parameter

_MOST = 200
_USUAL = 50
_LARGEST_ID = 2**63 - 1
_DIGITS = 19


class WrongError(Refusal):
    """A parameter that cannot be used, and what to write."""

    def __init__(self, name: str, said: str) -> None:
        super().__init__(400, f"{name}: {said}", parameter(name))


@dataclass(frozen=True, slots=True)
class Page:
    """Up to `limit` entries, from below a number on."""

    before: int | None
    limit: int


def paged(request: web.Request) -> Page:
    """Read `limit` and `next`; raises WrongError."""
    query = request.query
    limit = number("limit", query.get("limit", str(_USUAL)))
    if not 1 <= limit <= _MOST:
        raise WrongError("limit", f"write 1 to {_MOST}")
    return Page(number("next", query["next"]) if query.get("next") else None, limit)


def choice(request: web.Request, name: str, known: Collection[str]) -> str:
    """Read a parameter that is one of some words, or not there; raises WrongError."""
    word = request.query.get(name, "")
    if word and word not in known:
        raise WrongError(name, f"no {word!r:.40}; one of {', '.join(known)}")
    return word


def period(request: web.Request, name: str, usual: timedelta, longest: timedelta) -> timedelta:
    """Read a duration, or take the usual one; raises WrongError."""
    try:
        asked = request.query.get(name)
        given = timedelta(seconds=parse_duration(asked)) if asked else usual
    except (ValueError, OverflowError):
        given = timedelta()
    if not timedelta() < given <= longest:
        raise WrongError(name, f"write a duration such as 7d, at most {longest.days}d")
    return given


def number(name: str, text: str) -> int:
    """Read a number; raises WrongError."""
    if not (text.isascii() and text.isdecimal()) or len(text) > _DIGITS:
        raise WrongError(name, f"not a number above 0: {text!r:.40}")
    return min(int(text), _LARGEST_ID)
