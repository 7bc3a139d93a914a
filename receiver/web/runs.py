"""The pages of responses: what was done by itself, step by step, and what people say to it."""

from aiohttp import web

from receiver.incidents.acting import Result
from receiver.responses.answering import needed, objection
from receiver.responses.carrying import written_out
from receiver.store.run_records import Run
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, demand_page, html
from receiver.web.auth import Scope
from receiver.web.forms import POLICY, Form, read_form, seal_for
from receiver.web.keys import SITE, Site
from receiver.web.pages import PAGE
from receiver.web.paging import WrongError, paged
from receiver.web.responses import actor_of, answering, asked
from receiver.web.slack import words_of

_VERBS = ("approve", "refuse", "stop")
_LONGEST = 500


async def every(request: web.Request) -> web.Response:
    """List responses, newest first, and what stops them."""
    demand_page(request, Scope.READ)
    return await _list(request)


async def act(request: web.Request) -> web.Response:
    """Close a breaker, or stop all responses or let them act again, as the form says."""
    form = await read_form(request)
    texts = request.app[SITE].pages.texts
    try:
        said, worked = await _change(request, form)
    except StoreUnavailableError:
        said, worked = texts["away"], False
    return await _list(request, said, worked=worked)


async def _change(request: web.Request, form: Form) -> tuple[str, bool]:
    site, verb = request.app[SITE], form["verb"]
    texts, does = site.pages.texts, answering(site)
    if verb == "throw":
        await does.throw(form.who, form["reason"][:_LONGEST] or "-")
        return texts["done"], True
    who = demand(request, Scope.ADMIN)
    if verb == "release":
        worked = await does.release(who)
        return texts["done" if worked else "not_thrown"], worked
    worked = verb == "reset" and await does.reset(who, form["runbook"])
    return texts["done" if worked else "nothing_to_reset"], worked


async def _list(request: web.Request, said: str = "", *, worked: bool = True) -> web.Response:
    site = request.app[SITE]
    try:
        page, where = paged(request), asked(request)
        found = await site.store.runs.page(before=page.before, limit=PAGE, **where)
        breakers = await site.store.runs.stops.breakers()
        switch = await site.store.runs.stops.switched()
    except WrongError:
        raise web.HTTPFound("responses") from None
    except StoreUnavailableError:
        return html(site.pages.notice("away"), 503)
    text = site.pages.write(
        "responses.html",
        runs=found,
        older=found[-1].id if len(found) == PAGE else None,
        breakers=breakers,
        switch=switch,
        beside=site.engine.settings().thrown if site.engine else "",
        seal=seal_for(request)[1],
        said=said,
        worked=worked,
    )
    return html(text, headers=POLICY)


async def one(request: web.Request) -> web.Response:
    """Show a response with each of its steps."""
    demand_page(request, Scope.READ)
    return await _show(request)


async def answer(request: web.Request) -> web.Response:
    """Approve, refuse or stop it as the form says, and show what came of it."""
    form = await read_form(request, root="../")
    site, number = request.app[SITE], int(request.match_info["number"])
    actor, remark = actor_of(site, form.who), form["comment"][:_LONGEST]
    return await _show(request, await answering(site).act(actor, number, form["verb"], remark))


async def _show(request: web.Request, result: Result | None = None) -> web.Response:
    site, number = request.app[SITE], int(request.match_info["number"])
    try:
        run = await site.store.runs.one(number)
        if run is None:
            return html(site.pages.notice("unknown_run", root="../"), 404)
        steps = await site.store.runs.steps(number)
        agreed = await site.store.runs.agreed(number)
    except StoreUnavailableError:
        return html(site.pages.notice("away", root="../"), 503)
    who, seal = seal_for(request)
    runbook = site.engine.runbooks().get(run.wanted.runbook) if site.engine else None
    text = site.pages.write(
        "response.html",
        root="../",
        run=run,
        steps=steps,
        agreed=agreed,
        needed=needed(runbook),
        planned=[step.says for step in written_out(runbook, run)] if runbook else [],
        seal=seal,
        verbs_left=_left(site, who, run) if seal else (),
        said=words_of(result, site.pages.language) if result else "",
        worked=result is None or result.outcome in {"done", "already"},
    )
    return html(text, headers=POLICY)


def _left(site: Site, who: str, run: Run) -> tuple[str, ...]:
    """Return what the visitor may do about a run now."""
    person, now = actor_of(site, who).person, site.store.now()
    runbook = site.engine.runbooks().get(run.wanted.runbook) if site.engine else None
    return tuple(verb for verb in _VERBS if not objection(verb, person, run, runbook, now))
