"""Who is on call: /api/v1/schedules, as JSON and as a calendar, and the page /on-call."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from pydantic import Field

from receiver.incidents.oncall import ics
from receiver.incidents.oncall.duty import Duty
from receiver.incidents.oncall.gaps import AHEAD
from receiver.incidents.oncall.schedule import Schedule, Time, moment
from receiver.incidents.oncall.shifts import Shift
from receiver.settings import Section
from receiver.store.audit import Change
from receiver.store.rota import MOST, Stint
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, demand_page, html, read_json
from receiver.web.auth import Scope
from receiver.web.keys import SITE
from receiver.web.pages import Plan
from receiver.web.paging import WrongError
from receiver.web.problems import Refusal, in_body, parameter, problem

_LONGEST = timedelta(days=366)
_LONGEST_NUMBER = 18


class Overriding(Section):
    """An override; without `from` it begins now."""

    person: str
    since: Time | None = Field(default=None, alias="from")
    until: Time


async def every(request: web.Request) -> web.Response:
    """List the schedules, each with who is on call now, or null."""
    demand(request, Scope.READ)
    site = request.app[SITE]
    found = await site.duty.now(site.store.now())
    listed = [
        {"name": name, "timezone": plan.timezone, "on_call": _shown(site.duty, found[name])}
        for name, plan in site.duty.schedules.items()
    ]
    return web.json_response({"schedules": listed})


async def one(request: web.Request) -> web.Response:
    """Return a schedule's shifts, gaps and overrides from `from`, now, to `until`, two weeks on."""
    demand(request, Scope.READ)
    duty, name = request.app[SITE].duty, request.match_info["name"]
    start, end = _asked(request, AHEAD)
    told = await duty.shifts(name, start, end)
    kept = [each for each in await duty.overrides(start) if each.schedule == name]
    plan = {"name": name, "timezone": duty.schedules[name].timezone}
    span = {"from": start.isoformat(), "until": end.isoformat()}
    listed = {"shifts": [_shown(duty, each) for each in told], "overrides": [*map(_kept, kept)]}
    return web.json_response(plan | span | listed)


async def calendar(request: web.Request) -> web.Response:
    """Return a schedule's shifts as a calendar, half a year of them unless `until` says."""
    demand(request, Scope.READ)
    site, name = request.app[SITE], request.match_info["name"]
    start, end = _asked(request, ics.AHEAD)
    told = await site.duty.shifts(name, start, end)
    if len(told) > ics.MOST:
        said = f"until: there are {len(told)} shifts; ask for a time of at most {ics.MOST}"
        return problem(400, said, parameter("until"))
    body = await asyncio.to_thread(ics.write, name, told, site.duty.people, site.store.now())
    return web.Response(body=body, content_type="text/calendar", charset="utf-8")


async def override(request: web.Request) -> web.Response:
    """Put somebody in another's place for a while, and note in the audit who wanted it."""
    who = demand(request, Scope.OPERATE)
    wanted = await read_json(request, Overriding)
    site, name = request.app[SITE], request.match_info["name"]
    now = site.store.now()
    stint = _stint(site.duty, name, wanted, who, now)
    said = f"{stint.person} {stint.since.isoformat()} {stint.until.isoformat()}"
    change = Change(who, "override", f"schedule {name}", said)
    number = await site.store.rota.override(stint, change, now)
    if number is None:
        return problem(409, f"{name} has {MOST} overrides already; withdraw some")
    return web.json_response(_kept(replace(stint, number=number)), status=201)


async def withdraw(request: web.Request) -> web.Response:
    """End an override now, or forget one that has not begun."""
    who = demand(request, Scope.OPERATE)
    site, name = request.app[SITE], request.match_info["name"]
    number = int(request.match_info["number"][:_LONGEST_NUMBER])
    change = Change(who, "withdraw", f"schedule {name}", f"override {number}")
    _known(site.duty, name)
    gone = await site.store.rota.withdraw(name, number, change, site.store.now())
    if gone is None:
        return problem(404, f"{name} has no override {number} that is not over")
    return web.json_response(_kept(gone))


async def page(request: web.Request) -> web.Response:
    """Show who is on call by each schedule, now and in the next two weeks."""
    demand_page(request, Scope.READ)
    site = request.app[SITE]
    duty, now = site.duty, site.store.now()
    try:
        told = {name: await duty.shifts(name, now, now + AHEAD) for name in duty.schedules}
    except StoreUnavailableError:
        return html(site.pages.notice("away"), status=503)
    plans = [Plan(name, duty.schedules[name].zone, told[name]) for name in duty.schedules]
    return html(site.pages.on_call(plans, duty.name))


def _known(duty: Duty, name: str) -> Schedule:
    if name not in duty.schedules:
        there = ", ".join(duty.schedules) or "none; write some under schedules"
        raise Refusal(404, f"no schedule is named {name!r:.80}; there are {there}")
    return duty.schedules[name]


def _asked(request: web.Request, ahead: timedelta) -> tuple[datetime, datetime]:
    """Return the time that is asked about."""
    site, query = request.app[SITE], request.query
    plan, now = _known(site.duty, request.match_info["name"]), site.store.now()
    times: dict[str, datetime] = {}
    for key in ("from", "until"):
        if query.get(key):
            try:
                times[key] = moment(query[key], plan.zone)
            except ValueError as error:
                raise WrongError(key, str(error)) from error
    start = times.get("from", now)
    end = times.get("until", start + ahead)
    if not start < end <= start + _LONGEST:
        raise WrongError("until", "write a time after from, at most 366 days later")
    return start, end


def _stint(duty: Duty, name: str, wanted: Overriding, who: str, now: datetime) -> Stint:
    """Return what is wanted; what is past stays as it was, so it begins now at the earliest."""
    zone = _known(duty, name).zone
    if wanted.person not in duty.people:
        there = ", ".join(duty.people) or "none"
        said = f"no person is {wanted.person!r:.60}; there are {there}"
        raise Refusal(400, said, in_body("person"))
    try:
        key = "from"
        since = max(now, moment(wanted.since, zone)) if wanted.since else now
        key = "until"
        until = moment(wanted.until, zone)
    except ValueError as error:
        raise Refusal(400, f"{key}: {error}", in_body(key)) from error
    if not since < until <= since + _LONGEST:
        said = "until is not after from and after now, or more than 366 days after"
        raise Refusal(400, f"{said}; correct it", in_body("until"))
    return Stint(name, wanted.person, since, until, who)


def _shown(duty: Duty, shift: Shift | None) -> dict[str, Any] | None:
    if shift is None:
        return None
    return {
        "person": shift.person or None,
        "name": duty.name(shift.person) or None,
        "since": shift.since.isoformat(),
        "until": shift.until.isoformat(),
        "why": shift.why,
        "number": shift.number or None,
    }


def _kept(stint: Stint) -> dict[str, Any]:
    return {
        "id": stint.number,
        "person": stint.person,
        "since": stint.since.isoformat(),
        "until": stint.until.isoformat(),
        "who": stint.who,
    }
