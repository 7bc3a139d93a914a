"""/act/INCIDENT: where a signed link in a message leads, for one person.

Opening it changes nothing, since chats open links themselves to show what is behind them; what
is done is done by a form on the page. The link is all that its bearer has to show.
"""

from dataclasses import replace
from urllib.parse import parse_qs

from aiohttp import web

from receiver.incidents.acting import Actor, Result
from receiver.incidents.people import Person
from receiver.incidents.verbs import left, refusal
from receiver.messages.custody import PURPOSE, subject
from receiver.messages.view import View, look_at
from receiver.messages.words import EXTENSIONS, SILENCE_ENDS
from receiver.model import Notification
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import html, read_body
from receiver.web.keys import SITE, Site
from receiver.web.pages import Visit, policy
from receiver.web.replying import approver, asks, reply
from receiver.web.slack import words_of

_STATUS = {"forged": 403, "expired": 410, "stranger": 403, "unknown_incident": 404, "away": 503}
_OUTCOMES = {"refused": 409, "failed": 502}
_POLICY = {"Content-Security-Policy": policy(forms="'self'")}
_LONGEST_NUMBER = 18


async def page(request: web.Request) -> web.Response:
    """Show the incident, and what this person may do about it."""
    return await _answer(request)


async def act(request: web.Request) -> web.Response:
    """Do what the form says, and show what came of it."""
    said = parse_qs((await read_body(request)).decode("utf-8", "replace"))
    return await _answer(request, said.get("verb", [""])[0])


async def _answer(request: web.Request, verb: str | None = None) -> web.Response:
    site, number = request.app[SITE], request.match_info["incident"]
    incident = int(number) if len(number) <= _LONGEST_NUMBER else 0
    wrong, person = _who(request, site, incident)
    if person is None:
        return _notice(site, wrong)
    result = None
    if verb is not None and site.desk is not None:
        result = await reply(site, site.desk, Actor(person.name, person), incident, verb)
    try:
        visit = await _visit(site, person, incident, result)
    except StoreUnavailableError:
        return _notice(site, "away")
    if visit is None:
        return _notice(site, "unknown_incident")
    status = _OUTCOMES.get(result.outcome, 200) if result else 200
    return html(site.pages.incident(visit), status, _POLICY)


def _notice(site: Site, said: str) -> web.Response:
    return html(site.pages.notice(said, root="../"), _STATUS[said], _POLICY)


def _who(request: web.Request, site: Site, incident: int) -> tuple[str, Person | None]:
    """Return whose link this is, or what is wrong with it."""
    query, desk = request.query, site.desk
    if desk is None:
        return "forged", None
    held = subject(incident, query.get("who", ""))
    until, shown = query.get("until", ""), query.get("seal", "")
    wrong = desk.signer.objection(PURPOSE, held, until, shown, site.store.now())
    if wrong:
        return wrong, None
    return "stranger", desk.people.get(query["who"])


async def _visit(site: Site, person: Person, incident: int, result: Result | None) -> Visit | None:
    stands = await site.store.handling.handled(incident, site.store.now())
    if stands is None:
        return None
    silences = site.desk is not None and site.desk.acting.alertmanager is not None
    told = await site.store.newest_of(incident)
    reminds = told is not None and told.act is not None and told.act.verb == SILENCE_ENDS
    extends = reminds and not refusal(person, EXTENSIONS[0], stands)
    view = _view(site, told)
    return Visit(
        incident,
        person.name,
        stands,
        view=view,
        verbs=EXTENSIONS if extends else left(person, stands, silences=silences),
        said=words_of(result, site.pages.language) if result else "",
        worked=result is None or result.outcome not in _OUTCOMES,
        asks=await asks(site, incident),
        approves=approver(person),
    )


def _view(site: Site, told: Notification | None) -> View | None:
    """Return what an incident's newest webhook says; None where none is kept any longer."""
    if told is None:
        return None
    shown = replace(told, act=None)  # the page says who did what by itself
    return look_at(shown, site.pages.language, "", site.store.now())
