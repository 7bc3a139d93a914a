"""What signals do, for people and programs that ask: the latest scores, why, what else moved."""

import asyncio
import json
import math
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from aiohttp import web

from exporter.history.reasons import Language, moved, sentence
from exporter.history.record import Record, moment
from exporter.history.related import Related
from exporter.history.rings import MOST_SERIES
from exporter.model import FloatArray, SeriesKey, labels_of
from exporter.quality.opinions import Opinions
from exporter.quality.records import identity
from exporter.quality.sensitivity import Wish
from exporter.settings import format_sensitivity
from exporter.web import choosing
from exporter.web.service import SERVICE

_MOST_SIGNALS, _MOST_DETAILS, _MOST_RELATED = 1000, 100, 100
_NOW = ("value", "expected", "lower", "upper", "score", "deviation", "novelty")
_RECENT = ("value", "expected", "lower", "upper", "score")

answer = partial(web.json_response, dumps=partial(json.dumps, ensure_ascii=False))


async def signals(request: web.Request) -> web.Response:
    """Answer with a page of all signals: how many series each has, and how they are."""
    service = request.app[SERVICE]
    record, skipped = service.ticker.record, service.ticker.skipping.now
    everyone = sorted(record.places.keys() | skipped.keys())
    names, following = choosing.page(request, everyone, _MOST_SIGNALS)
    found = [
        {**_summary(record, service.opinions, name), "skipped": skipped.get(name, {})}
        for name in names
    ]
    return answer({"time": moment_of(record.latest.now), "signals": found, "next": following})


async def signal(request: web.Request) -> web.Response:
    """Answer with a page of one signal's series in detail."""
    service = request.app[SERVICE]
    name, language = request.match_info["name"], choosing.language(request)
    record, skipped = service.ticker.record, service.ticker.skipping.now.get(name, {})
    only_skipped = skipped and name not in record.places
    chosen = [] if only_skipped else choosing.some_series(request, record).tolist()
    places, following = choosing.page(request, chosen, _MOST_DETAILS)
    details = [_detail(record, service.opinions, place, language) for place in places]
    return answer(
        {
            "signal": name,
            "time": moment_of(record.latest.now),
            **_quality(service.opinions, name),
            "skipped": skipped,
            "series": details,
            "next": following,
        }
    )


async def related(request: web.Request) -> web.Response:
    """Answer with what else moved along with a series."""
    record = request.app[SERVICE].ticker.record
    language = choosing.language(request)
    most = choosing.number(request, "limit", 20, _MOST_RELATED)
    place = choosing.one_series(request, record)
    keys = record.latest.keys
    if record.recent(place) is None:
        raise web.HTTPNotFound(text=_NO_HISTORY + "\n")
    comparison = record.others(place)
    found = await asyncio.to_thread(comparison.related, most)
    return answer(
        {
            "signal": keys[place].signal,
            "labels": dict(keys[place].labels),
            "related": [
                {
                    "signal": keys[other].signal,
                    "labels": dict(keys[other].labels),
                    **_relation(one),
                    "why": moved(_readable(keys[other]), one, language),
                }
                for other, one in found
            ],
        }
    )


_NO_HISTORY = f"no history of this series is kept: {MOST_SERIES} have one"


def _summary(record: Record, opinions: Opinions, name: str) -> dict[str, Any]:
    places, fields = record.places.get(name, np.zeros(0, np.intp)), record.latest.fields
    active, score = (fields.get(field, np.zeros(0))[places] for field in ("active", "score"))
    return {
        "signal": name,
        "series": len(places),
        "active": int(np.count_nonzero(active == 1)),
        "score": plain(_highest(score)),
        **_quality(opinions, name),
    }


def _highest(scores: FloatArray) -> float:
    known = scores[np.isfinite(scores)]
    return float(known.max(initial=-math.inf)) if len(known) else math.nan


def _quality(opinions: Opinions, name: str) -> dict[str, Any]:
    counts = opinions.counts(name)
    return {
        **wished(opinions.wish(name)),
        "own_sensitivities": opinions.special(name),
        "precision": plain(counts.precision),
        "recall": plain(counts.recall),
        "f1": plain(counts.f1),
    }


def wished(wish: Wish) -> dict[str, Any]:
    """Say how sensitive somebody decided to be, and who did."""
    return {
        "sensitivity": format_sensitivity(wish.alarms_a_week),
        "sensitivity_from": wish.origin,
    }


def _detail(record: Record, opinions: Opinions, place: int, language: Language) -> dict[str, Any]:
    key, fields = record.latest.keys[place], record.latest.fields
    now, active = moment(fields, place), fields["active"][place]
    series = identity(key.signal, dict(key.labels))
    return {
        "labels": dict(key.labels),
        **{name: plain(fields[name][place]) for name in _NOW},
        "value_time": moment_of(fields["time"][place]),
        "active": None if math.isnan(active) else bool(active),
        "alarms": plain(fields["total"][place]),
        **wished(opinions.wish(*series)),
        "alarms_a_week": opinions.of_series(series),
        "view": now.view or None,
        "why": sentence(key.signal, now, language),
        **_history(record, place, language),
    }


def _history(record: Record, place: int, language: Language) -> dict[str, Any]:
    alarm = {"latest_alarm": _latest_alarm(record, place, language)}
    recent = record.recent(place)
    if recent is None:
        return {**alarm, "recent": None, "note": _NO_HISTORY}
    times = [moment_of(time) for time in recent.times.tolist()]
    columns = {name: plain_all(recent.fields[name].tolist()) for name in _RECENT}
    return {**alarm, "recent": {"times": times, **columns}}


def _latest_alarm(record: Record, place: int, language: Language) -> dict[str, Any] | None:
    alarm = record.alarm(place)
    if alarm is None:
        return None
    return {
        "time": moment_of(alarm.time),
        **{name: plain(getattr(alarm.moment, name)) for name in _RECENT},
        "view": alarm.moment.view or None,
        "why": sentence(record.latest.keys[place].signal, alarm.moment, language),
    }


def _relation(one: Related) -> dict[str, Any]:
    return {
        "score": plain(one.score),
        "lead_seconds": round(one.lead, 3),
        "correlation": round(one.correlation, 3),
        "together": one.together,
    }


def _readable(key: SeriesKey) -> str:
    """Spell a series as Prometheus does."""
    names, values = zip(*key.labels, strict=True) if key.labels else ((), ())
    return f"{key.signal}{{{labels_of(names, values)}}}" if key.labels else key.signal


def moment_of(seconds: float) -> float | None:
    """Return a time since 1970 in milliseconds' precision, and null for none."""
    return round(seconds, 3) if math.isfinite(seconds) else None


def plain(value: float) -> float | None:
    """Return what JSON can say: seven digits, since more are not kept, and null for what is not."""
    return float(f"{value:.7g}") if math.isfinite(value) else None


def plain_all(values: Iterable[float]) -> list[float | None]:
    """Return many as `plain` does one."""
    return [plain(value) for value in values]
