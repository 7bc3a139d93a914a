"""Silences as people plan them: all that there are, one more by any matchers, and one less.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from receiver.settings import Matcher
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.asking import AskError, Question, ask, read_nothing
from receiver.upstream.silences import NOT_ITS_API, anyone, question

_PATIENCE = 5.0
_OPERATORS = {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}
"""By whether a matcher is a regular expression, and whether it must match."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A silence by matchers as texts; `state` is pending, active or expired."""

    matchers: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    id: str = ""
    state: str = ""


async def listed(http: aiohttp.ClientSession, told: Alertmanager) -> list[Planned]:
    """Return the silences that are not over, those that end first first; raises AskError."""
    said, _ = await anyone(told, lambda url: ask(http, question(told, url)))
    try:
        found = [_read(each) for each in said]
    except NOT_ITS_API as error:
        raise AskError("unexpected", f"not Alertmanager's API v2: {error!r}") from error
    left = (each for each in found if each.state != "expired")
    return sorted(left, key=lambda each: each.ends_at)


async def plan(
    http: aiohttp.ClientSession, told: Alertmanager, wanted: Planned, matchers: tuple[Matcher, ...]
) -> str:
    """Make a silence; returns its id. Raises AskError."""
    body = orjson.dumps(
        {
            "matchers": [_write(each) for each in matchers],
            "startsAt": wanted.starts_at.isoformat(),
            "endsAt": wanted.ends_at.isoformat(),
            "createdBy": wanted.created_by,
            "comment": wanted.comment,
        }
    )
    said, _ = await anyone(told, lambda url: ask(http, question(told, url, body)))
    return str(said.get("silenceID", "")) if isinstance(said, dict) else ""


async def extend(
    http: aiohttp.ClientSession,
    told: Alertmanager,
    number: str,
    by: timedelta,
    of: datetime | None = None,
) -> Planned | None:
    """Make a silence that is not over longer; returns it as it is then. Raises AskError.

    Longer than it is, or than `of`: then one that lasts as long already stays as it is. Its
    matchers go back as they came, whatever kind of regular expression they have.
    """
    said, _ = await anyone(told, lambda url: ask(http, question(told, url)))
    try:
        found = [each for each in said if each["id"] == number and _read(each).state != "expired"]
    except NOT_ITS_API as error:
        raise AskError("unexpected", f"not Alertmanager's API v2: {error!r}") from error
    if not found:
        return None
    kept = ("id", "matchers", "startsAt", "createdBy", "comment")
    before = _read(found[0])
    ends = (of or before.ends_at) + by
    if before.ends_at >= ends:
        return before
    body = orjson.dumps({name: found[0][name] for name in kept} | {"endsAt": ends.isoformat()})
    await anyone(told, lambda url: ask(http, question(told, url, body)))
    return replace(before, ends_at=ends)


async def expire(http: aiohttp.ClientSession, told: Alertmanager, number: str) -> None:
    """End a silence now; raises AskError, also where there is none of this id."""
    path = f"/api/v2/silence/{quote(number, safe='')}"

    def ended(url: str) -> Question:
        return Question(told, url, path, _PATIENCE, 2**20, method="DELETE")

    await anyone(told, lambda url: ask(http, ended(url), read_nothing))


def _write(matcher: Matcher) -> dict[str, Any]:
    return {
        "name": matcher.name,
        "value": matcher.value,
        "isRegex": matcher.operator.endswith("~"),
        "isEqual": not matcher.operator.startswith("!"),
    }


def _read(each: Any) -> Planned:
    return Planned(
        tuple(_text(matcher) for matcher in each["matchers"]),
        datetime.fromisoformat(each["startsAt"]),
        datetime.fromisoformat(each["endsAt"]),
        str(each["createdBy"]),
        str(each["comment"]),
        str(each["id"]),
        str(each["status"]["state"]),
    )


def _text(matcher: Any) -> str:
    operator = _OPERATORS[bool(matcher["isRegex"]), bool(matcher.get("isEqual", True))]
    value = str(matcher["value"]).replace("\\", "\\\\").replace('"', '\\"')
    return f'{matcher["name"]}{operator}"{value}"'
