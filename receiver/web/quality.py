"""How good the alerts are: /api/v1/quality, what people say of them, and the page /quality."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from receiver.incidents.acting import Wish
from receiver.incidents.grading import USUAL
from receiver.incidents.oncall.schedule import Time, moment
from receiver.incidents.quality import Quality
from receiver.incidents.spells import Proposal
from receiver.settings import Section
from receiver.store.audit import Change
from receiver.store.verdicts import MOST_MISSED, Said
from receiver.web.answers import demand, demand_page, html, read_json
from receiver.web.auth import Scope
from receiver.web.incidents import act
from receiver.web.keys import SITE
from receiver.web.paging import period
from receiver.web.problems import in_body, problem

_LONGEST = timedelta(days=90)


class Judging(Section):
    """What somebody thinks of an incident's alerts."""

    verdict: Literal["useful", "noise", "late"]
    note: Annotated[str, Field(max_length=2_000)] = ""


class Missing(Section):
    """Something that the alerts of `rule` should have told of, at a time, by default now."""

    rule: Annotated[str, Field(min_length=1, max_length=200)]
    at: Time | None = None
    note: Annotated[str, Field(max_length=2_000)] = ""


async def find(request: web.Request) -> web.Response:
    """Return each rule of the last month, or `last` so long, the noisiest first."""
    demand(request, Scope.READ)
    site = request.app[SITE]
    last = period(request, "last", USUAL, _LONGEST)
    rules = await site.grading.advised(site.store.now(), last)
    return web.json_response({"rules": [_write(each) for each in rules]})


async def judge(request: web.Request) -> web.Response:
    """Keep what somebody thinks of an incident; the last word counts."""
    who = demand(request, Scope.OPERATE)
    said = await read_json(request, Judging)
    request.app[SITE].grading.forget()
    return await act(request, who, Wish(said.verdict, said.note))


async def miss(request: web.Request) -> web.Response:
    """Keep that an alert was missed."""
    who = demand(request, Scope.OPERATE)
    wanted = await read_json(request, Missing)
    site = request.app[SITE]
    now = site.store.now()
    try:
        at = moment(wanted.at, site.pages.zone) if wanted.at else now
    except ValueError as error:
        return problem(400, f"at: {error}", in_body("at"))
    said = Said(at, who, rule=wanted.rule, note=wanted.note)
    change = Change(who, "missed", f"rule {wanted.rule}", wanted.note)
    if not await site.store.verdicts.miss(said, change, now):
        return problem(409, f"{MOST_MISSED} are kept already")
    site.grading.forget()
    return web.json_response({"rule": wanted.rule, "at": at.isoformat()}, status=201)


async def page(request: web.Request) -> web.Response:
    """Show how good each rule's alerts are, and what would make them better."""
    demand_page(request, Scope.READ)
    site = request.app[SITE]
    return html(site.pages.quality(await site.grading.advised(site.store.now()), USUAL))


def _write(found: Quality) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "incidents": found.incidents,
        "useful": found.useful,
        "noise": found.noise,
        "late": found.late,
        "missed": found.missed,
        "acknowledged": found.taken,
        "brief": found.brief,
        "precision_ratio": found.precision,
        "noise_ratio": found.noise_ratio,
        "median_seconds": None if found.lasted is None else found.lasted.total_seconds(),
        "proposals": [_write_proposal(each) for each in found.proposals],
    }


def _write_proposal(proposal: Proposal) -> dict[str, Any]:
    value = proposal.value
    said: dict[str, Any] = {"setting": proposal.setting}
    if isinstance(value, timedelta):
        said["seconds"] = value.total_seconds()
    elif isinstance(value, str):
        said["with"] = value
    else:
        said |= {"threshold": value, "was": proposal.was}
    return said | {"spared": proposal.spared, "openings": proposal.openings}
