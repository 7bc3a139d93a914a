"""What Alertmanager knows by itself: which alerts fire, who silenced them, what it is told to do.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Annotated, Any, Self

import aiohttp
import orjson
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from receiver.channels.mailing import AuthoritiesFile
from receiver.channels.posting import check_url
from receiver.settings import Duration, SecretFile, Section
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


class Alertmanager(Section):
    """Every Alertmanager whose webhooks come here; those of a cluster each by its own URL.

    An alert that all of them have not known for `patience` seconds is over.
    """

    url: Urls
    user: str = ""
    password: SecretFile | None = Field(default=None, alias="password_file")
    token: SecretFile | None = Field(default=None, alias="token_file")
    ca_file: AuthoritiesFile | None = None
    interval: Annotated[Duration, AfterValidator(_check_interval)] = 60.0
    patience: Duration = 900.0

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password_file belong together")
        if self.user and self.token is not None:
            raise ValueError("write either user and password_file or token_file")
        return self

    @property
    def headers(self) -> dict[str, str]:
        """What shows Alertmanager, or the proxy before it, who asks."""
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        if self.password is not None:
            pair = f"{self.user}:{self.password.get_secret_value()}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}


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


class AskError(Exception):
    """Alertmanager did not answer as it should; `reason` is a short word for the metric."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


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


_Read = Callable[[AsyncIterator[bytes]], Awaitable[Any]]


async def _read_document(chunks: AsyncIterator[bytes]) -> Any:
    body = b"".join([chunk async for chunk in chunks])
    return await asyncio.to_thread(orjson.loads, body)


async def _read_alerts(chunks: AsyncIterator[bytes]) -> dict[str, Seen]:
    seen: dict[str, Seen] = {}
    async for piece in pieces(chunks):
        seen |= await asyncio.to_thread(_alerts, piece)
    return seen


async def _get(
    http: aiohttp.ClientSession,
    told: Alertmanager,
    url: str,
    what: str,
    read: _Read = _read_document,
) -> tuple[Any, datetime | None]:
    """GET one resource, following no redirect; returns it with the other side's time."""
    context = None if told.ca_file is None else ssl.create_default_context(cafile=told.ca_file)
    try:
        async with http.get(
            f"{url.rstrip('/')}/api/v2/{what}",
            headers=told.headers,
            timeout=aiohttp.ClientTimeout(total=_PATIENCE),
            allow_redirects=False,
            ssl=context or True,
        ) as response:
            if response.status != 200:
                raise AskError("refused", f"{url} answers /api/v2/{what} with {response.status}")
            return await read(_chunks(response, url)), _date(response)
    except TimeoutError:
        raise AskError("timeout", f"{url}: no answer within {_PATIENCE:g} s") from None
    except orjson.JSONDecodeError:
        raise AskError("unexpected", f"{url} answers /api/v2/{what} with no JSON") from None
    except (aiohttp.ClientError, OSError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise AskError("unreachable", f"{url}: {said}") from None


async def _chunks(response: aiohttp.ClientResponse, url: str) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in response.content.iter_chunked(64 * 1024):
        size += len(chunk)
        if size > _LARGEST:
            raise AskError("too_large", f"{url} answers with over {_LARGEST >> 20} MiB")
        yield chunk


def _date(response: aiohttp.ClientResponse) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return None
