"""Tells an exporter what people thought of its alarm, so that it learns how often to raise one.

POST /api/v1/signals/NAME/labels of Tocsin's exporter; its /health says how it does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import aiohttp
import orjson
from pydantic import AfterValidator

from receiver.channels.posting import check_url
from receiver.model import Alert, Labels
from receiver.upstream.asking import AskError, Login, Question, ask

_PATIENCE = 5.0
_LARGEST = 4 * 2**20
_MEANS = {"useful": "true", "late": "true", "noise": "false"}
_NOT_ITS_API = (AttributeError, KeyError, TypeError, ValueError)


class Exporter(Login):
    """One of Tocsin's exporters, whose anomalies people judge; it wants an operate token."""

    url: Annotated[str, AfterValidator(check_url)]


@dataclass(frozen=True, slots=True)
class Check:
    """How a part of an exporter is, and why."""

    state: str
    detail: str


@dataclass(frozen=True, slots=True)
class Health:
    """How an exporter is, by its own word, with that of each of its parts."""

    state: str
    checks: Mapping[str, Check]
    detail: str = ""


async def ask_health(http: aiohttp.ClientSession, told: Exporter) -> Health:
    """Ask an exporter how it is, which one of no use says with 503; raises AskError."""
    try:
        said, _ = await ask(http, Question(told, told.url, "/health", _PATIENCE, _LARGEST))
    except AskError as error:
        if error.status != 503:
            raise
        said = _loaded(error)
    try:
        checks = {
            str(name): Check(str(each["status"]), str(each["detail"]))
            for name, each in said["checks"].items()
        }
        return Health(str(said["status"]), checks)
    except _NOT_ITS_API as error:
        raise AskError("unexpected", f"{told.url}: not Tocsin's exporter: {error!r}") from error


def _loaded(error: AskError) -> Any:
    try:
        return orjson.loads(error.said)
    except orjson.JSONDecodeError:
        raise error from None


async def teach(
    http: aiohttp.ClientSession,
    known: tuple[Exporter, ...],
    alert: Alert,
    verdict: str,
    who: str,
) -> bool:
    """Tell the exporter that raised it; false where it is none of its. Raises AskError."""
    told = exporter_of(known, alert.labels)
    name = alert.labels.get("signal", "")
    if told is None or not name:
        return False
    place = f"/api/v1/signals/{quote(name, safe='')}"
    said, _ = await ask(http, Question(told, told.url, place, _PATIENCE, _LARGEST))
    try:
        labels = series_of([each["labels"] for each in said["series"]], alert.labels)
    except _NOT_ITS_API as error:
        raise AskError("unexpected", f"{told.url}: not Tocsin's exporter: {error!r}") from error
    if labels is None:
        return False
    body: dict[str, Any] = {"verdict": _MEANS[verdict], "labels": labels, "by": who}
    body["at"] = alert.starts_at.isoformat()
    sent = Question(told, told.url, f"{place}/labels", _PATIENCE, _LARGEST, json=orjson.dumps(body))
    await ask(http, sent)
    return True


def exporter_of(known: tuple[Exporter, ...], labels: Labels) -> Exporter | None:
    """Return the exporter that an alert's `instance` is, or the only one that there is."""
    instance = labels.get("instance", "")
    named = (each for each in known if urlsplit(each.url).netloc == instance)
    return next(named, known[0] if len(known) == 1 else None)


def series_of(every: Sequence[Labels], labels: Labels) -> Labels | None:
    """Return the labels of the series that an alert is about: it has them all, and most of any."""
    mine = [each for each in every if all(labels.get(k) == v for k, v in each.items())]
    return max(mine, key=len, default=None)
