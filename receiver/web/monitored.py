"""How what is monitored does: /api/v1/targets and /health, and its numbers: /api/v1/metrics."""

import asyncio
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import orjson
from aiohttp import ClientSession, web

from receiver.incidents.oncall.schedule import moment
from receiver.settings import parse_duration
from receiver.upstream.asking import AskError
from receiver.upstream.exporters import Exporter, Health, ask_health
from receiver.upstream.prometheus import Series, ask_range
from receiver.upstream.scraping import Target, ask_targets
from receiver.web.answers import demand
from receiver.web.asking import asked, prometheus, turn
from receiver.web.auth import Scope
from receiver.web.keys import SITE, Site
from receiver.web.paging import WrongError, choice

HEALTHS = ("up", "down", "unknown")
STATES = ("healthy", "unknown", "degraded", "unhealthy")
"""From best to worst, as the exporter has them."""
_SHOWN = 1_000
"""Targets in one answer, those that are not up first."""
_POINTS = 11_000
"""Of one series, as Prometheus allows itself."""
_USUAL_POINTS = 250
_HOUR = 3_600.0
_LAST = 4_102_444_800.0
"""The end of this century."""
_LONGEST_QUERY = 4_000
_PATIENCE = 10.0


async def targets(request: web.Request) -> web.Response:
    """Return what Prometheus scrapes, of `job` and `health`, what is not up first, with errors."""
    demand(request, Scope.READ)
    site, job = request.app[SITE], request.query.get("job", "")
    health = choice(request, "health", HEALTHS)
    every = await asked(site, "targets", partial(ask_targets, *prometheus(site)))
    found = [
        each
        for each in every
        if (not job or each.job == job) and (not health or each.health == health)
    ]
    said = {"jobs": _jobs(every), "targets": [asdict(each) for each in found[:_SHOWN]]}
    return web.json_response(said | {"targets_total": len(found)})


async def health(request: web.Request) -> web.Response:
    """Return how Prometheus, its targets and each exporter do, and the worst of it as `state`."""
    demand(request, Scope.READ)
    site = request.app[SITE]
    if site.desk is None:
        return web.json_response({"state": "unknown", "prometheus": None, "exporters": []})
    known = site.desk.acting.exporters
    http = site.desk.http
    async with turn(site):
        scraped, *exporters = await asyncio.gather(
            _scraped(site), *(_exporter(site, http, each) for each in known)
        )
    parts = [each for each in (scraped, *exporters) if each is not None]
    worst = max((each["state"] for each in parts), key=STATES.index, default="unknown")
    said = {"state": worst, "prometheus": scraped, "exporters": exporters}
    return web.json_response(said)


async def metrics(request: web.Request) -> web.Response:
    """Return the series of `query` from `start`, an hour ago, to `end`, now, each `step`.

    What is no number is left out; times are seconds since 1970.
    """
    demand(request, Scope.READ)
    site = request.app[SITE]
    query = request.query.get("query", "")
    if not query.strip() or len(query) > _LONGEST_QUERY:
        raise WrongError("query", f"write an expression of at most {_LONGEST_QUERY} letters")
    start, end, step = _span(request, site.store.now())
    http, told = prometheus(site)
    patient = told.model_copy(update={"timeout": _PATIENCE})
    ask = partial(ask_range, http, patient, query, start, end, step)
    found = await asked(site, "metrics", ask)
    body = await asyncio.to_thread(_written, found, start, end, step)
    return web.Response(body=body, content_type="application/json")


def _written(found: Iterable[Series], start: float, end: float, step: float) -> bytes:
    series = [
        {"labels": dict(each.labels), "values": list(zip(each.times, each.values, strict=True))}
        for each in found
    ]
    return orjson.dumps({"start": start, "end": end, "step": step, "series": series})


def _span(request: web.Request, now: datetime) -> tuple[float, float, float]:
    """Read the time that is asked about, in seconds; raises WrongError."""
    end = _moment(request, "end", now.timestamp())
    start = _moment(request, "start", end - _HOUR)
    if not start < end:
        raise WrongError("start", "write a time before end")
    step = _step(request, max(1.0, math.ceil((end - start) / _USUAL_POINTS)))
    if (end - start) / step > _POINTS:
        raise WrongError("step", f"that makes over {_POINTS:,} points; write a longer one")
    return start, end, step


def _moment(request: web.Request, name: str, usual: float) -> float:
    text = request.query.get(name, "")
    if not text:
        return usual
    try:
        at = float(text)
    except ValueError:
        at = _of_calendar(name, text)
    if not 0 <= at < _LAST:
        raise WrongError(name, "not a time of this century")
    return at


def _of_calendar(name: str, text: str) -> float:
    try:
        return moment(text, ZoneInfo("UTC")).astimezone(UTC).timestamp()
    except ValueError as error:
        raise WrongError(name, f"{error}, or as seconds since 1970") from error


def _step(request: web.Request, usual: float) -> float:
    text = request.query.get("step", "")
    try:
        step = (float(text) if text[-1:].isdigit() else parse_duration(text)) if text else usual
    except ValueError:
        step = 0.0
    if not 1 <= step < _LAST:
        raise WrongError("step", "write a duration of at least 1s, such as 15s")
    return step


def _jobs(every: Iterable[Target]) -> list[dict[str, Any]]:
    counts = Counter((each.job, each.health) for each in every)
    jobs = sorted({job for job, _ in counts})
    return [{"job": job} | {each: counts[job, each] for each in HEALTHS} for job in jobs]


async def _scraped(site: Site) -> dict[str, Any] | None:
    """Say how Prometheus and its targets do; None where there is no Prometheus."""
    if site.prometheus is None or site.desk is None:
        return None
    try:
        every = await ask_targets(site.desk.http, site.prometheus)
    except AskError as error:
        site.metrics.upstream_failures.labels("targets", error.reason).inc()
        return {"state": "unhealthy", "detail": str(error), "targets": None}
    counts = Counter(each.health for each in every)
    state = "degraded" if counts["down"] else "healthy"
    told = {each: counts[each] for each in HEALTHS}
    return {"state": state, "detail": "", "targets": told}


async def _exporter(site: Site, http: ClientSession, told: Exporter) -> dict[str, Any]:
    try:
        found = await ask_health(http, told)
    except AskError as error:
        site.metrics.upstream_failures.labels("exporter", error.reason).inc()
        found = Health("unhealthy", {}, str(error))
    state = found.state if found.state in STATES else "unknown"
    return (
        {"instance": urlsplit(told.url).netloc.rpartition("@")[2]}
        | asdict(found)
        | {"state": state}
    )
