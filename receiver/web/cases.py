"""The pages of incidents: all that happened, and one that people look at and act on."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from aiohttp import web

from receiver.incidents.acting import Actor, Wish
from receiver.incidents.people import Person, Role
from receiver.incidents.verbs import left
from receiver.messages.filters import plain
from receiver.messages.view import View, look_at, raw_host
from receiver.model import Notification
from receiver.store.audit import Change
from receiver.store.handling import Handled, Remark
from receiver.store.incidents import Incident
from receiver.store.schema import StoreUnavailableError
from receiver.web import incidents
from receiver.web.answers import demand_page, html
from receiver.web.auth import Scope
from receiver.web.forms import POLICY, read_form, seal_for
from receiver.web.keys import SITE, Site
from receiver.web.pages import Case, Listing
from receiver.web.paging import WrongError
from receiver.web.slack import words_of

_LONGEST = 2_000
_ASKED = ("q", "state", "severity")


async def every(request: web.Request) -> web.Response:
    """List incidents, newest first, those that are looked for."""
    demand_page(request, Scope.READ)
    site = request.app[SITE]
    try:
        wanted = incidents.wanted(request)
        found = await site.store.incidents.find(wanted, site.store.now())
    except WrongError:  # a form of ours asks for nothing else
        raise web.HTTPFound(request.path.rpartition("/")[2]) from None
    except StoreUnavailableError:
        return html(site.pages.notice("away"), 503)
    older = found[-1].id if len(found) == wanted.limit else None
    query = {name: request.query.get(name, "") for name in _ASKED}
    return html(site.pages.cases(Listing(query, found, older)), headers=POLICY)


async def one(request: web.Request) -> web.Response:
    """Show an incident with all that happened to it."""
    demand_page(request, Scope.READ)
    return await _show(request)


async def act(request: web.Request) -> web.Response:
    """Do what the form says, and show what came of it."""
    form = await read_form(request, root="../")
    site, number = request.app[SITE], int(request.match_info["number"])
    remark, verb = form["comment"][:_LONGEST], form["verb"]
    site.grading.forget()
    if verb == "comment":
        words, worked = await _comment(site, number, form.who, remark)
    else:
        words, worked = await _act(site, number, form.who, Wish(verb, remark))
    return await _show(request, words, worked=worked)


async def _comment(site: Site, number: int, who: str, text: str) -> tuple[str, bool]:
    texts = site.pages.texts
    if not text:
        return "", True
    change = Change(who, "comment", f"incident {number}")
    try:
        kept = await site.store.handling.comment(
            number, Remark(site.store.now(), who, text), change
        )
    except StoreUnavailableError:
        return texts["away"], False
    return texts["kept" if kept else "too_many"], bool(kept)


async def _act(site: Site, number: int, who: str, wish: Wish) -> tuple[str, bool]:
    if site.desk is None:
        return site.pages.texts["failed_act"], False
    result = await site.desk.acting.act(Actor(who, _person(who)), number, wish)
    return words_of(result, site.pages.language), result.outcome in {"done", "already"}


async def _show(request: web.Request, said: str = "", *, worked: bool = True) -> web.Response:
    site, number = request.app[SITE], int(request.match_info["number"])
    try:
        found = await site.store.incidents.look_up(number, site.store.now())
        if found is None:
            return html(site.pages.notice("unknown_incident", root="../"), 404)
        if found.id != number and request.method == "GET":
            raise web.HTTPFound(str(found.id))  # which it joined
        told = await incidents.told_of(site.store, found)
        events = await site.store.incidents.timeline(found.id)
    except StoreUnavailableError:
        return html(site.pages.notice("away", root="../"), 503)
    view = _view(site, told[0] if told else None)
    case = Case(found, view, events, _names(told), (), said=said, worked=worked)
    return html(site.pages.case(_with_form(request, case)), headers=POLICY)


def _with_form(request: web.Request, case: Case) -> Case:
    """Add what the visitor may do, if anything."""
    who, seal = seal_for(request)
    if not seal:
        return case
    return replace(case, seal=seal, verbs=_verbs(request.app[SITE], who, case.incident))


def _verbs(site: Site, who: str, found: Incident) -> tuple[str, ...]:
    stands = Handled(found.resolved_at is None, found.taken)
    silences = site.desk is not None and site.desk.acting.alertmanager is not None
    return left(_person(who), stands, silences=silences)


def _person(who: str) -> Person:
    """Return the bearer of a token, whose scope says what they may do."""
    return Person(name=who[:60], roles=(Role.OPERATE,))


def _view(site: Site, told: Notification | None) -> View | None:
    if told is None:
        return None
    return look_at(replace(told, act=None), site.pages.language, "", site.store.now())


def _names(told: Iterable[Notification]) -> Mapping[str, str]:
    """Call each alert by its name and its host."""
    names: dict[str, str] = {}
    for alert in (alert for each in told for alert in each.alerts):
        words = (alert.labels.get("alertname", ""), raw_host(alert.labels))
        names[alert.fingerprint] = plain(" ".join(filter(None, words)))[:200]
    return names
