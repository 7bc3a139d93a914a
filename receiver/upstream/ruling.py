"""Which rules Prometheus evaluates, how they are, and how it is told to read them again.

https://prometheus.io/docs/prometheus/latest/querying/api/ and
https://prometheus.io/docs/prometheus/latest/management_api/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from receiver.model import Labels
from receiver.upstream.asking import AskError, Question, ask, read_nothing
from receiver.upstream.prometheus import Prometheus

_LARGEST = 16 * 2**20
_PATIENCE = 10.0
"""Seconds; people wait for this, and no message does."""
_RELOAD = 30.0
"""Seconds; Prometheus answers once all of its rules and targets are in place."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """A rule and how its last evaluation went; spans are in seconds, `firing` counts alerts."""

    name: str
    kind: str
    query: str
    state: str
    health: str
    error: str
    lasting: float
    keep_firing_for: float
    labels: Labels
    annotations: Labels
    firing: int
    evaluated_at: str


@dataclass(frozen=True, slots=True)
class Grouped:
    """Rules that are evaluated together; `file` is where Prometheus read them."""

    name: str
    file: str
    interval: float
    rules: tuple[Ruled, ...]


async def ask_groups(http: aiohttp.ClientSession, told: Prometheus) -> tuple[Grouped, ...]:
    """Ask for every rule; raises AskError."""
    data = await _ask(http, told, "/api/v1/rules")
    try:
        return tuple(_group(each) for each in data["groups"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _unexpected(told, error) from error


async def ask_reloaded(http: aiohttp.ClientSession, told: Prometheus) -> bool:
    """Ask whether the last reload worked (`prometheus_config_last_reload_successful`)."""
    data = await _ask(http, told, "/api/v1/status/runtimeinfo")
    try:
        return bool(data["reloadConfigSuccess"])
    except (KeyError, TypeError) as error:
        raise _unexpected(told, error) from error


async def ask_syntax(http: aiohttp.ClientSession, told: Prometheus, query: str) -> str:
    """Ask what is wrong with an expression; empty where nothing is. Raises AskError."""
    try:
        await _ask(http, told, "/api/v1/format_query", {"query": query})
    except AskError as error:
        if error.status == 400:
            return words(error)
        if error.status == 404:  # older than 2.39; the reload will tell
            return ""
        raise
    return ""


async def reload(http: aiohttp.ClientSession, told: Prometheus) -> None:
    """Have all configuration read again; raises AskError."""
    asked = Question(told, told.url, "/-/reload", _RELOAD, _LARGEST, method="POST")
    await ask(http, asked, read_nothing)


def words(error: AskError) -> str:
    """Return what Prometheus itself said of what it refused, on one line."""
    try:
        said = str(orjson.loads(error.said)["error"])
    except (KeyError, TypeError, orjson.JSONDecodeError):
        said = error.said
    return " ".join(said.split())[:1_000] or str(error)


def _group(said: Any) -> Grouped:
    rules = tuple(_rule(each) for each in said["rules"])
    return Grouped(str(said["name"]), str(said["file"]), float(said["interval"]), rules)


def _rule(said: Any) -> Ruled:
    return Ruled(
        name=str(said["name"]),
        kind=str(said["type"]),
        query=str(said["query"]),
        state=str(said.get("state", "")),
        health=str(said.get("health", "")),
        error=str(said.get("lastError", "")),
        lasting=float(said.get("duration", 0)),
        keep_firing_for=float(said.get("keepFiringFor", 0)),
        labels=_labels(said.get("labels")),
        annotations=_labels(said.get("annotations")),
        firing=sum(each.get("state") == "firing" for each in said.get("alerts") or ()),
        evaluated_at=str(said.get("lastEvaluation", "")),
    )


def _labels(said: Mapping[str, Any] | None) -> Labels:
    return {str(name): str(value) for name, value in (said or {}).items()}


async def _ask(
    http: aiohttp.ClientSession, told: Prometheus, path: str, form: Mapping[str, str] | None = None
) -> Any:
    answer, _ = await ask(http, Question(told, told.url, path, _PATIENCE, _LARGEST, form))
    try:
        return answer["data"]
    except (KeyError, TypeError) as error:
        raise _unexpected(told, error) from error


def _unexpected(told: Prometheus, error: Exception) -> AskError:
    return AskError("unexpected", f"{told.url}: not Prometheus' API v1: {error!r}")
