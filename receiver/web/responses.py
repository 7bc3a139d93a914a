"""/api/v1/responses: what is done about alerts by itself, and what people say to it."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from receiver.incidents.acting import Actor, Result
from receiver.incidents.people import Person, Role
from receiver.responses.answering import Answering, deadline, needed
from receiver.responses.engine import Engine
from receiver.responses.guard import mode_of
from receiver.responses.plan import Planned, plan
from receiver.responses.runbook import Runbook
from receiver.settings import Section
from receiver.store.run_records import Past, Ruling, Run, State, Step
from receiver.web.answers import demand, read_json
from receiver.web.asking import turn
from receiver.web.auth import Scope, person_of
from receiver.web.keys import SITE, Site
from receiver.web.paging import choice, number, paged
from receiver.web.problems import Refusal, problem
from receiver.web.slack import words_of

_REFUSALS = {"unknown_run": 404, "stranger": 403, "role": 403, "no_approver": 403}
_OUTCOMES = {"refused": 409, "failed": 503}
Text = Annotated[str, Field(max_length=500)]


class Answer(Section):
    """What somebody has to say of what they do about a run."""

    comment: Text = ""


class Throwing(Section):
    """Why all responses are to stop."""

    reason: Annotated[Text, Field(min_length=1)]


async def find(request: web.Request) -> web.Response:
    """Return responses in a `state`, of a `runbook`, to an `incident`, newest first.

    `next` is null on the last page, and otherwise the parameter that gets the page after it.
    """
    demand(request, Scope.READ)
    page = paged(request)
    found = await request.app[SITE].store.runs.page(
        before=page.before, limit=page.limit, **asked(request)
    )
    after = str(found[-1].id) if len(found) == page.limit else None
    return web.json_response({"runs": [write(run) for run in found], "next": after})


def asked(request: web.Request) -> dict[str, Any]:
    """Read which runs are looked for; raises WrongError."""
    where: dict[str, Any] = {"state": choice(request, "state", [*State])}
    where["runbook"] = request.query.get("runbook", "")
    if request.query.get("incident"):
        where["incident"] = number("incident", request.query["incident"])
    return {name: value for name, value in where.items() if value != ""}


async def show(request: web.Request) -> web.Response:
    """Return one response with what was done, what that gave, and who agreed to it."""
    demand(request, Scope.READ)
    site, which = request.app[SITE], int(request.match_info["number"])
    run = await site.store.runs.one(which)
    if run is None:
        return problem(404, f"no run {which}")
    steps = await site.store.runs.steps(which)
    agreed = await site.store.runs.agreed(which)
    runbook = site.engine.runbooks().get(run.wanted.runbook) if site.engine else None
    until = deadline(run, runbook) if runbook and run.state is State.ASKING else None
    said = {
        "steps": [_write_step(step) for step in steps],
        "consents": [{"who": who, "at": at.isoformat()} for who, at in agreed.items()],
        "consents_needed": needed(runbook),
        "approve_until": _time(until),
    }
    return web.json_response(write(run) | said)


async def approve(request: web.Request) -> web.Response:
    """Agree to a response that asks, as the person whose token it is; needs the role approve."""
    return await _answer(request, "approve")


async def refuse(request: web.Request) -> web.Response:
    """Keep a response that asks from acting; needs the role approve too."""
    return await _answer(request, "refuse")


async def stop(request: web.Request) -> web.Response:
    """Stop a response, within a second even in the middle of a step."""
    return await _answer(request, "stop")


async def _answer(request: web.Request, verb: str) -> web.Response:
    who = demand(request, Scope.OPERATE)
    said = await read_json(request, Answer)
    site, which = request.app[SITE], int(request.match_info["number"])
    result = await answering(site).act(actor_of(site, who), which, verb, said.comment)
    status = _REFUSALS.get(result.reason, _OUTCOMES.get(result.outcome, 200))
    if status != web.HTTPOk.status_code:
        return problem(status, words_of(result, site.pages.language), reason=result.reason)
    return web.json_response(_came_of(result))


def _came_of(result: Result) -> dict[str, Any]:
    act = result.act
    by = {"who": act.who, "at": act.at.isoformat()} if act else {}
    return {"outcome": result.outcome, "reason": result.reason} | by


def actor_of(site: Site, who: str) -> Actor:
    """Return who has a token: a person, if it is somebody's, and else whoever may operate."""
    key = person_of(who, site.tokens)
    person = site.desk.people.get(key) if site.desk and key else None
    if person is None:
        return Actor(who, Person(name=who[:60], roles=(Role.OPERATE,)))
    roles = {*person.roles, Role.OPERATE}  # which the token's scope says
    return Actor(who, person.model_copy(update={"roles": tuple(roles)}))


async def runbooks(request: web.Request) -> web.Response:
    """List the runbooks: how far each goes now, how near it is to acting by itself, its breaker."""
    demand(request, Scope.READ)
    return web.json_response({"runbooks": await books(request.app[SITE])})


async def books(site: Site) -> list[dict[str, Any]]:
    """Write all runbooks."""
    runs, found = site.store.runs, engine(site).runbooks()
    helped, open_ = await runs.helped(), await runs.stops.breakers()
    return [_write_book(book, helped.get(name, 0), open_.get(name)) for name, book in found.items()]


def _write_book(book: Runbook, helped: int, breaker: tuple[datetime, str] | None) -> dict[str, Any]:
    return {
        "name": book.name,
        "mode": book.mode.value,
        "effective_mode": mode_of(book, Past(verified=helped)).value,
        "verified": helped,
        "promotion": book.guard.promotion,
        "breaker": breaker and {"opened_at": breaker[0].isoformat(), "reason": breaker[1]},
        "match": [str(matcher) for matcher in book.match],
        "steps": [{"action": step.action, "says": step.says} for step in book.steps],
    }


async def planned(request: web.Request) -> web.Response:
    """Say what the alerts of an `incident` would set off now, and what each guard says."""
    demand(request, Scope.READ)
    site, incident = request.app[SITE], number("incident", request.query.get("incident", ""))
    told = await site.store.newest_of(incident)
    if told is None:
        return problem(404, f"no incident {incident} whose alerts are kept")
    async with turn(site):
        found = await plan(engine(site), told.alerts, incident, site.store.now())
    return web.json_response({"planned": [_write_plan(each) for each in found]})


def _write_plan(each: Planned) -> dict[str, Any]:
    guards = [{"guard": name, "against": _write_ruling(said)} for name, said in each.guards]
    steps, back = (
        [{"action": action, "says": says} for action, says in some]
        for some in (each.steps, each.back)
    )
    return {
        "runbook": each.runbook,
        "mode": each.mode,
        "target": each.target,
        "fingerprint": each.alert.fingerprint,
        "due_in_seconds": each.waits,
        "steps": steps,
        "checks": list(each.checks),
        "take_back": back,
        "guards": guards,
        "ruling": _write_ruling(each.ruling),
    }


def _write_ruling(ruling: Ruling | None) -> dict[str, str] | None:
    if ruling is None:
        return None
    return {"state": ruling.state.value, "reason": ruling.reason, "detail": ruling.detail}


async def reset(request: web.Request) -> web.Response:
    """Close a runbook's breaker, so that it may act again."""
    who = demand(request, Scope.ADMIN)
    site, name = request.app[SITE], request.match_info["name"]
    if await answering(site).reset(who, name):
        return web.Response(status=204)
    return problem(409, f"no breaker of {name!r:.80} is open")


async def switch(request: web.Request) -> web.Response:
    """Say whether all responses are stopped, where, since when and by whom."""
    demand(request, Scope.READ)
    return web.json_response(await switched(request.app[SITE]))


async def switched(site: Site) -> dict[str, Any]:
    """Write how the kill switch stands."""
    beside, thrown = engine(site).settings().thrown, await site.store.runs.stops.switched()
    by = {"at": thrown[0].isoformat(), "who": thrown[1], "reason": thrown[2]} if thrown else None
    return {"thrown": bool(beside or thrown), "by": by, "beside": beside}


async def throw(request: web.Request) -> web.Response:
    """Stop all responses, each before its next step."""
    who = demand(request, Scope.OPERATE)
    said = await read_json(request, Throwing)
    site = request.app[SITE]
    await answering(site).throw(who, said.reason)
    return web.json_response(await switched(site))


async def release(request: web.Request) -> web.Response:
    """Let responses act again, unless they are stopped by a file or the environment too."""
    who = demand(request, Scope.ADMIN)
    if await answering(request.app[SITE]).release(who):
        return web.Response(status=204)
    return problem(409, "nobody has stopped the responses by the API")


def engine(site: Site) -> Engine:
    """Return what responds; raises the refusal of a receiver that does not."""
    if site.engine is None:
        raise Refusal(503, "this receiver responds to nothing")
    return site.engine


def answering(site: Site) -> Answering:
    """Return what people answer responses by; raises the same."""
    return Answering(site.store, engine(site))


def write(run: Run) -> dict[str, Any]:
    """Write a run as JSON."""
    said = asdict(run.wanted) | {"id": run.id, "state": run.state.value, "reason": run.reason}
    times = {
        name: _time(getattr(run, name))
        for name in ("made_at", "changed_at", "begun_at", "ended_at")
    }
    own = {"detail": run.detail, "starts_at": run.wanted.starts_at.isoformat()}
    return said | own | times | {"labels": dict(run.wanted.labels)}


def _write_step(step: Step) -> dict[str, Any]:
    said = {name: value for name, value in asdict(step).items() if name != "notes"}
    times = {"begun_at": step.begun_at.isoformat(), "ended_at": _time(step.ended_at)}
    return said | times


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
