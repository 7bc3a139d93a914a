"""Silences, which are Alertmanager's own: found, made and made longer through its API v2.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import aiohttp
import orjson

from receiver.model import Alert, Status
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.asking import AskError, Question, ask

_PATIENCE = 5.0
"""Seconds for each question: somebody waits for the answer."""
_LARGEST = 16 * 2**20
"""Bytes of an answer; a thousand silences take about 1 MB."""
_HIDDEN = "/api/v2/alerts?active=false&silenced=true&inhibited=false"
_Result = TypeVar("_Result")
NOT_ITS_API = (AttributeError, KeyError, TypeError, ValueError)
_SAME = timedelta(minutes=1)
"""What a silence is not made longer by: whoever clicks twice wants one."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Keeps quiet what has all of these labels; `id` is empty before Alertmanager has it."""

    labels: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    id: str = ""


async def silence(http: aiohttp.ClientSession, told: Alertmanager, wanted: Silence) -> Silence:
    """See to it that these labels are quiet until then; returns the silence that does it.

    One of the same labels that Tocsin made for the same incident is made longer, and one that
    lasts as long stays as it is and is returned. Raises AskError.
    """
    return await anyone(told, lambda url: _silence(http, told, url, wanted))


async def anyone(told: Alertmanager, work: Callable[[str], Awaitable[_Result]]) -> _Result:
    """Do it at the first that answers, since the members of a cluster tell each other.

    Raises AskError.
    """
    refused: list[str] = []
    for url in told.url:
        try:
            return await work(url)
        except AskError as error:
            refused.append(str(error))
            reason = error.reason
    raise AskError(reason, "; ".join(refused))


@dataclass(frozen=True, slots=True)
class Hidden:
    """An alert that silences keep quiet: `by` has their ids, `receivers` who would hear of it."""

    alert: Alert
    by: frozenset[str]
    receivers: frozenset[str]


async def active(http: aiohttp.ClientSession, told: Alertmanager, url: str) -> list[Silence]:
    """Return the silences in force; raises AskError."""
    said, _ = await ask(http, question(told, url))
    try:
        return [_read(each) for each in said if each["status"]["state"] == "active"]
    except NOT_ITS_API as error:
        raise AskError("unexpected", f"{url}: not Alertmanager's API v2: {error!r}") from error


async def hidden(http: aiohttp.ClientSession, told: Alertmanager, url: str) -> list[Hidden]:
    """Return what fires and would be told but for silences; raises AskError."""
    said, _ = await ask(http, Question(told, url, _HIDDEN, _PATIENCE, _LARGEST))
    try:
        return [_read_hidden(each) for each in said if each["status"]["silencedBy"]]
    except NOT_ITS_API as error:
        raise AskError("unexpected", f"{url}: not Alertmanager's API v2: {error!r}") from error


async def _silence(
    http: aiohttp.ClientSession, told: Alertmanager, url: str, wanted: Silence
) -> Silence:
    found = await _find(http, told, url, wanted)
    if found and found.ends_at >= wanted.ends_at - _SAME:
        return found
    body = orjson.dumps(
        {
            **({"id": found.id} if found else {}),
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True}
                for name, value in sorted(wanted.labels.items())
            ],
            "startsAt": wanted.starts_at.isoformat(),
            "endsAt": wanted.ends_at.isoformat(),
            "createdBy": wanted.created_by,
            "comment": wanted.comment,
        }
    )
    said, _ = await ask(http, question(told, url, body))
    return replace(wanted, id=str(said.get("silenceID", "")) if isinstance(said, dict) else "")


async def _find(
    http: aiohttp.ClientSession, told: Alertmanager, url: str, wanted: Silence
) -> Silence | None:
    """Return the silence that has exactly these labels and our comment, the longest there is."""
    said, _ = await ask(http, question(told, url))
    try:
        alike = [_read(each) for each in said if _is_ours(each, wanted)]
    except NOT_ITS_API as error:
        raise AskError("unexpected", f"{url}: not Alertmanager's API v2: {error!r}") from error
    return max(alike, key=lambda each: each.ends_at, default=None)


def question(told: Alertmanager, url: str, body: bytes | None = None) -> Question:
    """Ask for the silences, or with a body that one be made."""
    return Question(told, url, "/api/v2/silences", _PATIENCE, _LARGEST, json=body)


def _is_ours(each: Any, wanted: Silence) -> bool:
    plain = all(not m["isRegex"] and m.get("isEqual", True) for m in each["matchers"])
    return (
        each["status"]["state"] == "active"
        and each["comment"] == wanted.comment
        and plain
        and {m["name"]: m["value"] for m in each["matchers"]} == dict(wanted.labels)
    )


def _read(each: Any) -> Silence:
    return Silence(
        {m["name"]: m["value"] for m in each["matchers"]},
        datetime.fromisoformat(each["startsAt"]),
        datetime.fromisoformat(each["endsAt"]),
        str(each["createdBy"]),
        str(each["comment"]),
        str(each["id"]),
    )


def _read_hidden(each: Any) -> Hidden:
    alert = Alert(
        str(each["fingerprint"]),
        Status.FIRING,
        {str(k): str(v) for k, v in each["labels"].items()},
        {str(k): str(v) for k, v in each["annotations"].items()},
        datetime.fromisoformat(each["startsAt"]),
        None,
        str(each.get("generatorURL", "")),
    )
    names = frozenset(str(receiver["name"]) for receiver in each["receivers"])
    return Hidden(alert, frozenset(map(str, each["status"]["silencedBy"])), names)
