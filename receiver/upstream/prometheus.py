"""What Prometheus knows of an alert: the rule that made it, its series, and what they were.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import aiohttp
from pydantic import (
    AfterValidator,
    BeforeValidator,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)

from receiver.channels.posting import check_url
from receiver.model import Labels
from receiver.settings import Duration
from receiver.upstream.asking import AskError, Login, Question, ask
from receiver.upstream.nearby import is_near

PATIENCE = 2.0
"""Seconds that a message waits at most for all that is asked here."""
_LARGEST = 16 * 2**20
"""Bytes of an answer; ten thousand series are some 3 MB, as are a thousand rules."""


def _check_timeout(seconds: float) -> float:
    if seconds > PATIENCE:
        raise ValueError(f"longer than {PATIENCE:g}s; no message waits longer")
    return seconds


def _place(value: Any, info: ValidationInfo) -> Path | None:
    if value is None:
        return None
    path = Path((info.context or {}).get("folder", "."), str(value)).absolute()
    if path.suffix not in {".yml", ".yaml"}:
        raise ValueError("not a name of a file of rules; write one that ends with .yml")
    return path


RulesFile = Annotated[
    Path, BeforeValidator(_place), PlainSerializer(str, return_type=str, when_used="unless-none")
]


class Prometheus(Login):
    """The Prometheus, or what speaks its API, whose rules fire.

    A message waits at most `timeout` for what it knows; `pictures` says whether one is drawn.
    `rules_file` is one of its files of rules, which people change by the API.
    """

    url: Annotated[str, AfterValidator(check_url)]
    timeout: Annotated[Duration, AfterValidator(_check_timeout)] = PATIENCE
    pictures: bool = True
    rules_file: RulesFile | None = None

    @model_validator(mode="after")
    def _check_near(self) -> Self:
        host = urlsplit(self.url).hostname or ""
        if self.rules_file is not None and not is_near(host):
            raise ValueError(
                f"rules_file: {host} is told to reload, so it must be this machine's or private"
            )
        return self


@dataclass(frozen=True, slots=True)
class Point:
    """A series' value at one moment."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """A series over some time, in seconds since 1970, without what is no number."""

    labels: Labels
    times: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """An alerting rule: its expression, and the labels that it adds, which may be templates."""

    query: str
    labels: Labels


Rules = Mapping[str, tuple[Rule, ...]]
"""All alerting rules by the name of their alert."""


async def ask_rules(http: aiohttp.ClientSession, told: Prometheus) -> Rules:
    """Ask for the alerting rules; raises AskError."""
    data = await _ask(http, told, "/api/v1/rules?type=alert&exclude_alerts=true")
    rules: defaultdict[str, list[Rule]] = defaultdict(list)
    try:
        for rule in (rule for group in data["groups"] for rule in group["rules"]):
            labels = {str(k): str(v) for k, v in (rule.get("labels") or {}).items()}
            rules[rule["name"]].append(Rule(str(rule["query"]), labels))
    except (AttributeError, KeyError, TypeError) as error:
        raise _unexpected(told, error) from error
    return {name: tuple(each) for name, each in rules.items()}


async def ask_now(
    http: aiohttp.ClientSession, told: Prometheus, query: str, at: datetime
) -> list[Point]:
    """Evaluate an expression at a moment; raises AskError."""
    form = {"query": query, "time": f"{at.timestamp():.3f}"}
    data = await _ask(http, told, "/api/v1/query", form)
    try:
        found = [(one["metric"], float(one["value"][1])) for one in _vector(data) if "value" in one]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _unexpected(told, error) from error
    return [Point(labels, value) for labels, value in found if math.isfinite(value)]


async def ask_range(
    http: aiohttp.ClientSession,
    told: Prometheus,
    query: str,
    start: float,
    end: float,
    step: float,
) -> list[Series]:
    """Evaluate an expression from `start` to `end` each `step` seconds; raises AskError."""
    bounds = {"start": start, "end": end, "step": step}
    form = {"query": query} | {name: f"{seconds:.3f}" for name, seconds in bounds.items()}
    data = await _ask(http, told, "/api/v1/query_range", form)
    try:
        return [_series(one) for one in _vector(data) if one.get("values")]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _unexpected(told, error) from error


def _vector(data: Any) -> Any:
    """Return the series of an answer; a scalar and a text are none."""
    return data["result"] if data["resultType"] in {"vector", "matrix"} else []


def _series(one: Any) -> Series:
    points = [(float(at), float(value)) for at, value in one["values"]]
    finite = [point for point in points if math.isfinite(point[1])]
    return Series(one["metric"], tuple(at for at, _ in finite), tuple(v for _, v in finite))


async def _ask(
    http: aiohttp.ClientSession, told: Prometheus, path: str, form: Mapping[str, str] | None = None
) -> Any:
    limited = None if form is None else {**form, "timeout": f"{told.timeout:g}"}
    asked = Question(told, told.url, path, told.timeout, _LARGEST, limited)
    answer, _ = await ask(http, asked)
    try:
        return answer["data"]
    except (KeyError, TypeError) as error:
        raise _unexpected(told, error) from error


def _unexpected(told: Prometheus, error: Exception) -> AskError:
    return AskError("unexpected", f"{told.url}: not Prometheus' API v1: {error!r}")
