"""What Alertmanager knows by itself: which alerts fire, who silenced them, what it is told to do.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

import aiohttp
import orjson
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from receiver.channels.posting import check_url
from receiver.settings import Duration
from receiver.upstream.asking import (
    AskError,
    Chunks,
    Login,
    Question,
    Read,
    ask,
    read_document,
)
from receiver.upstream.pieces import pieces

_LARGEST = 128 * 2**20
"""Bytes of an answer; 100,000 alerts take about 80 MB."""
_PATIENCE = 30.0
_SHORTEST = 5.0


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _check_interval(seconds: float) -> float:
    if seconds < _SHORTEST:
        raise ValueError("shorter than 5s; Alertmanager has other work too")
    return seconds


Urls = Annotated[
    tuple[Annotated[str, AfterValidator(check_url)], ...],
    BeforeValidator(_one_or_many),
    PlainSerializer(list),
    Field(min_length=1),
]


class Alertmanager(Login):
    """Every Alertmanager whose webhooks come here; those of a cluster each by its own URL.

    An alert that all of them have not known for `patience` seconds is over. So many seconds as
    `silence_reminder` before a silence ends that still hides something, that is told; 0 is never.
    """

    url: Urls
    interval: Annotated[Duration, AfterValidator(_check_interval)] = 60.0
    patience: Duration = 900.0
    silence_reminder: Duration = 900.0


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert as Alertmanager knows it; `state` is active, silenced, inhibited or muted.

    `by` names the silences, the alerts or the time intervals that keep it quiet.
    """

    state: str
    by: tuple[str, ...]
    receivers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sight:
    """What one Alertmanager knows: alerts by fingerprint, its receivers, and since when it runs."""

    alerts: Mapping[str, Seen]
    receivers: frozenset[str]
    up_since: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """What one Alertmanager says of itself; `date` is its clock's."""

    up_since: datetime
    version: str
    config: str
    date: datetime | None


async def look(http: aiohttp.ClientSession, told: Alertmanager, url: str) -> Sight:
    """Ask one Alertmanager what it knows; raises AskError."""
    status = await ask_status(http, told, url)
    receivers, _ = await _get(http, told, url, "receivers")
    try:
        names = frozenset(str(receiver["name"]) for receiver in receivers)
        alerts, _ = await _get(http, told, url, "alerts", _read_alerts)
    except (AttributeError, KeyError, TypeError) as error:
        raise AskError("unexpected", f"{url}: not Alertmanager's API v2: {error!r}") from error
    return Sight(alerts, names, status.up_since)


async def ask_status(http: aiohttp.ClientSession, told: Alertmanager, url: str) -> Status:
    """Ask one Alertmanager about itself; raises AskError."""
    said, date = await _get(http, told, url, "status")
    try:
        up_since = datetime.fromisoformat(said["uptime"]).astimezone(UTC)
        version, config = said["versionInfo"]["version"], said["config"]["original"]
        return Status(up_since, str(version), str(config), date)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AskError("unexpected", f"{url}: not Alertmanager's API v2: {error!r}") from error


def _alerts(piece: bytes) -> dict[str, Seen]:
    return {alert["fingerprint"]: _seen(alert) for alert in orjson.loads(piece)}


def _seen(alert: Any) -> Seen:
    status = alert["status"]
    for state, key in _QUIET.items():
        if by := status.get(key):
            return _shared(state, tuple(map(str, by)), _receivers(alert))
    return _shared("active", (), _receivers(alert))


_shared = lru_cache(maxsize=1024)(Seen)
"""Of a hundred thousand alerts, most are seen in the same way."""


_QUIET = {"silenced": "silencedBy", "inhibited": "inhibitedBy", "muted": "mutedBy"}


def _receivers(alert: Any) -> frozenset[str]:
    return frozenset(str(receiver["name"]) for receiver in alert["receivers"])


async def _read_alerts(chunks: Chunks) -> dict[str, Seen]:
    seen: dict[str, Seen] = {}
    async for piece in pieces(chunks):
        seen |= await asyncio.to_thread(_alerts, piece)
    return seen


async def _get(
    http: aiohttp.ClientSession,
    told: Alertmanager,
    url: str,
    what: str,
    read: Read = read_document,
) -> tuple[Any, datetime | None]:
    return await ask(http, Question(told, url, f"/api/v2/{what}", _PATIENCE, _LARGEST), read)
