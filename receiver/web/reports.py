"""Reports: /api/v1/reports/daily and /weekly, and the pages /reports/daily and /weekly."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any, cast

from aiohttp import web

from receiver.incidents.oncall.hours import instant
from receiver.reports.due import Kind
from receiver.reports.facts import Report
from receiver.reports.wording import Writer
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, demand_page, html
from receiver.web.auth import Scope
from receiver.web.keys import SITE
from receiver.web.pages import Bulletin
from receiver.web.problems import parameter, problem

_FIRST, _LAST = date(2000, 1, 1), date(2100, 1, 1)
_WRONG = "of: not a date; write it like 2026-11-30"


async def show(request: web.Request) -> web.Response:
    """Return the newest report, or that which was the newest at the end of the day `of`."""
    demand(request, Scope.READ)
    try:
        moment = _moment(request)
    except ValueError:
        return problem(400, _WRONG, parameter("of"))
    report = await request.app[SITE].reporting.report(_kind(request), moment)
    return web.json_response(write(report))


async def page(request: web.Request) -> web.Response:
    """Show the same."""
    demand_page(request, Scope.READ)
    site = request.app[SITE]
    try:
        report = await site.reporting.report(_kind(request), _moment(request))
    except ValueError:
        raise web.HTTPFound(_kind(request)) from None
    except StoreUnavailableError:
        return html(site.pages.notice("away", root="../"), 503)
    writer = Writer(site.pages.language, site.reporting.zone)
    told = Bulletin(report.kind, writer.title(report), writer.span(report), writer.chapters(report))
    return html(site.pages.report(told))


def write(report: Report) -> dict[str, Any]:
    """Write a report as JSON; times are ISO 8601."""
    told: dict[str, Any] = asdict(report)
    period = asdict(report.period)
    return told | {"period": {name: at.isoformat() for name, at in period.items()}} | _labels(told)


def _labels(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "performance": [each | {"labels": dict(each["labels"])} for each in told["performance"]]
    }


def _kind(request: web.Request) -> Kind:
    return cast("Kind", request.match_info["kind"])  # the routes take no other


def _moment(request: web.Request) -> datetime:
    """Return the time at which the report is wanted that is the newest then.

    Raises ValueError.
    """
    reporting = request.app[SITE].reporting
    now, asked = reporting.store.now(), request.query.get("of", "")
    if not asked:
        return now
    day = date.fromisoformat(asked)
    if not _FIRST <= day < _LAST:
        raise ValueError(_WRONG)
    ends = instant(datetime.combine(day + timedelta(days=1), time()), reporting.zone)
    return min(now, ends - timedelta(microseconds=1))
