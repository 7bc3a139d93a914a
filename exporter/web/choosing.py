"""Which signal and series a request is about, and in which language and length to answer."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

import numpy as np
from aiohttp import web
from pydantic import BaseModel, ValidationError

from exporter.history.reasons import LANGUAGES, Language
from exporter.history.record import Record
from exporter.model import SeriesKey, labels_of
from exporter.settings import explain, parse_matcher
from exporter.signals.slots import IntArray
from exporter.tick import Ticker

_LONGEST_BODY = 16_384
Body = TypeVar("Body", bound=BaseModel)
Item = TypeVar("Item")


def series(request: web.Request, record: Record) -> IntArray:
    """Return the places of those series of the request's signal that all of `?match=` select."""
    name = request.match_info["name"]
    places = record.places.get(name)
    if places is None:
        raise web.HTTPNotFound(text=f"no signal is named {name}; see /api/v1/signals\n")
    try:
        matchers = [parse_matcher(text) for text in request.query.getall("match", [])]
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"match: {error}\n") from error
    labels = (dict(record.latest.keys[place].labels) for place in places)
    fits = [all(matcher.matches(one) for matcher in matchers) for one in labels]
    return places[np.array(fits, np.bool_)]


def some_series(request: web.Request, record: Record) -> IntArray:
    """Return them like `series`, or raise 404 where there are none."""
    places = series(request, record)
    if not len(places):
        raise web.HTTPNotFound(text="no series of the signal is matched\n")
    return places


def one_series(request: web.Request, record: Record) -> int:
    """Return the place of the only series that is chosen; 400 says what to add where more are."""
    places = some_series(request, record)
    if len(places) == 1:
        return int(places[0])
    keys = record.latest.keys
    loudest = keys[record.loudest(places)]
    added = _telling([dict(keys[place].labels) for place in places], dict(loudest.labels))
    raise web.HTTPBadRequest(
        text=f"match: {len(places)} series of {loudest.signal} are meant; "
        f"choose one, e.g. the loudest with {added}\n"
    )


def _telling(everyone: Sequence[Mapping[str, str]], one: Mapping[str, str]) -> str:
    """Spell the query that tells one label set from the others."""
    names = sorted({name for labels in everyone for name in labels})
    differing = [name for name in names if len({one.get(name, "") for one in everyone}) > 1]
    texts = (labels_of((name,), (one.get(name, ""),)) for name in differing)
    return "&".join("match=" + quote(text, safe='="') for text in texts)


def known_series(ticker: Ticker, signal: str, labels: dict[str, str] | None) -> SeriesKey:
    """Return the series with exactly these labels, also if it has vanished since a while.

    Without labels, it is the signal's only one.
    """
    keys = known_signal(ticker, signal)
    if labels is None and len(keys) > 1:
        raise web.HTTPBadRequest(text=f"{signal} has {len(keys)} series; say which with `labels`\n")
    for key in keys:
        if labels is None or dict(key.labels) == labels:
            return key
    raise web.HTTPNotFound(text=f"no series of {signal} has exactly these labels\n")


def known_signal(ticker: Ticker, signal: str) -> list[SeriesKey]:
    """Return all series that a signal has or had lately, or raise 404."""
    if keys := ticker.slots.of_signal(signal):
        return keys
    raise web.HTTPNotFound(text=f"no signal is named {signal}; see /api/v1/signals\n")


def language(request: web.Request) -> Language:
    """Return the language to answer in."""
    asked = request.query.get("language", "en")
    for one in LANGUAGES:
        if one == asked:
            return one
    raise web.HTTPBadRequest(text=f"language: there are {', '.join(LANGUAGES)}\n")


def number(request: web.Request, name: str, default: int, most: int) -> int:
    """Return a whole number of the query, 0 to `most`."""
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) > most:
        raise web.HTTPBadRequest(text=f"{name}: a number from 0 to {most} is expected\n")
    return int(text)


def page(request: web.Request, items: list[Item], most: int) -> tuple[list[Item], int | None]:
    """Cut one page out of the items; the number to pass as `?next=` follows, None at the end."""
    first = number(request, "next", 0, 10**9 - 1)
    last = first + max(number(request, "limit", min(most, 100), most), 1)
    return items[first:last], last if last < len(items) else None


async def body(request: web.Request, model: type[Body]) -> Body:
    """Read a JSON body; 400 says all that is wrong with it."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="send Content-Type: application/json\n")
    data = await request.read()
    if len(data) > _LONGEST_BODY:
        raise web.HTTPRequestEntityTooLarge(_LONGEST_BODY, len(data))
    try:
        return model.model_validate(json.loads(data))
    except ValidationError as error:
        problems = json.dumps({"errors": list(explain(error, model))}, ensure_ascii=False)
        raise web.HTTPBadRequest(text=problems, content_type="application/json") from error
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(text=f"not JSON: {error}\n") from error
