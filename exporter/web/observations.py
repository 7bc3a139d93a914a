"""Takes values that others send: `{"observations": [{"name", "labels", "value", "timestamp"}]}`."""

import json
import math
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from exporter.model import Labels, SeriesKey
from exporter.signals.pushed import Observation
from exporter.tick import Ticker
from exporter.web.service import SERVICE

_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MOST_LABELS, _LONGEST = 32, 1024
_AHEAD, _OLDEST = 300.0, 3600.0
"""How far from now a value may have been measured, in seconds: one of the distant future would
make all that follow look late."""
_LARGEST = 1e16
"""Beyond it the engine, which counts in single precision, takes a value for "no limit"."""
_EXAMPLE = '{"observations": [{"name": "orders_per_minute", "value": 12}]}'
_TIME = "2026-01-31T23:59:00Z"
_OURS = "tocsin_"
_KEYS = {"name", "labels", "value", "timestamp"}


async def observe(request: web.Request) -> web.Response:
    """Take all of a request's observations, or none of them and say what is wrong with each."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send Content-Type: application/json\n")
    service = request.app[SERVICE]
    try:
        given = _listed(await request.read())
    except ValueError as error:
        problem = f"body: {error}; send an object like {_EXAMPLE}"
        return web.json_response({"errors": [{"problem": problem}]}, status=400)
    now = time.time()
    read = [_read(one, service.ticker, now) for one in given]
    problems = [
        {"index": index, "problem": one} for index, one in enumerate(read) if isinstance(one, str)
    ]
    if problems:
        return web.json_response({"errors": problems}, status=400)
    outcomes = service.pushed.push(one for one in read if isinstance(one, Observation))
    return web.json_response(outcomes, status=202)


def _listed(body: bytes) -> list[Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:  # what is no UTF-8 is a ValueError, too
        raise ValueError(f"not JSON: {error}") from error
    given = document.get("observations") if isinstance(document, dict) else None
    if isinstance(given, list) and given:
        return given
    raise ValueError("a list `observations` of at least one is expected in it")


def _read(one: Any, ticker: Ticker, now: float) -> Observation | str:
    """Read one observation, or say all that is wrong with it."""
    if not isinstance(one, dict):
        return "an object with name and value is expected"
    problems, measured = list(_problems(one, ticker)), now
    try:
        measured = _moment(one.get("timestamp", now), now)
    except ValueError as error:
        problems.append(f"timestamp: {error}")
    if problems:
        return "; ".join(problems)
    labels: Labels = tuple(sorted((k, v) for k, v in one.get("labels", {}).items() if v))
    return Observation(SeriesKey(one["name"], labels), one["value"], measured)


def _moment(told: Any, now: float) -> float:
    """Read seconds since 1970 or ISO 8601 with its zone; raises ValueError on any other time."""
    moment: Any = _parsed(told) if isinstance(told, str) else told
    if not _is_number(moment):
        raise ValueError(f"seconds since 1970 are expected, or a time with its zone, like {_TIME}")
    if not now - _OLDEST <= moment <= now + _AHEAD:
        raise ValueError("more than an hour ago or more than 5 minutes ahead")
    return float(moment)


def _parsed(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


def _problems(one: Mapping[str, Any], ticker: Ticker) -> Iterator[str]:
    if unknown := sorted(one.keys() - _KEYS):
        yield f"unknown key {', '.join(unknown)}; known here: {', '.join(sorted(_KEYS))}"
    name, labels = one.get("name"), one.get("labels", {})
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _LONGEST:
        yield "name: use letters, digits and underscores"
    elif owner := _owner(name, ticker):
        yield f"name: {name} is {owner}; choose another"
    if not isinstance(labels, dict) or not all(map(_is_label, labels.items())):
        yield f"labels: names with texts of at most {_LONGEST} characters are expected"
    elif len(labels) > _MOST_LABELS:
        yield f"labels: {_MOST_LABELS} are the most"
    value: Any = one.get("value")
    if not _is_number(value):
        yield "value: a finite number is expected"
    elif abs(value) >= _LARGEST:
        yield (
            "value: too large for scores, which are worked out in single precision; "
            f"send less than {_LARGEST:.0e}, e.g. in a larger unit"
        )


def _owner(name: str, ticker: Ticker) -> str:
    """Say whose a name is already, "" of one that is free: two of a name would be mixed up."""
    if name in ticker.names:
        return "a signal of the exporter's own"
    if name.startswith(_OURS) or name in ticker.exposed:
        return "a metric of the exporter's own page"
    return ""


def _is_label(pair: tuple[str, Any]) -> bool:
    name, value = pair
    fits = isinstance(value, str) and len(name) <= _LONGEST and len(value) <= _LONGEST
    return fits and _NAME.fullmatch(name) is not None and not name.startswith("__")


def _is_number(value: Any) -> bool:
    """Whether it is a finite number; an integer may be too large for a float."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return isinstance(value, int) or math.isfinite(value)
