"""/api/v1/incidents: what is broken and since when, who has it, and what happened to it."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from receiver.incidents.acting import Actor, Result, Wish
from receiver.incidents.people import Person, Role
from receiver.model import Act, Alert, Notification
from receiver.settings import Duration, Section
from receiver.severity import SEVERITIES
from receiver.store.audit import Change
from receiver.store.handling import Remark
from receiver.store.incidents import STATES, Incident, Wanted
from receiver.store.store import Store
from receiver.store.timeline import Event
from receiver.web.answers import demand, read_json
from receiver.web.auth import Scope
from receiver.web.keys import SITE, Site
from receiver.web.paging import WrongError, choice, paged
from receiver.web.problems import in_body, problem
from receiver.web.slack import words_of
from receiver.web.streaming import tell, too_many

_MOST_ALERTS, _MOST_MEMBERS = 200, 20
_MOST_WORDS = 10
_LONGEST = timedelta(days=30)
_REFUSALS = {"unknown_incident": 404, "stranger": 403, "role": 403}
_OUTCOMES = {"done": 200, "already": 200, "refused": 409, "failed": 502}

Text = Annotated[str, Field(max_length=2_000)]


class Acknowledging(Section):
    """A request to take an incident, `for` so long, or until it is over."""

    lasting: Duration | None = Field(default=None, alias="for")
    comment: Text = ""


class Silencing(Section):
    """A request to hide in Alertmanager, `for` so long, what now fires."""

    lasting: Duration = Field(default=3600.0, alias="for")
    comment: Text = ""


class Commenting(Section):
    """Something to be kept with an incident."""

    text: Annotated[Text, Field(min_length=1)]


async def find(request: web.Request) -> web.Response:
    """Return incidents of `state` and `severity` with the words of `q`, newest first.

    `next` is null on the last page, and otherwise the parameter that gets the page after it.
    """
    demand(request, Scope.READ)
    store = request.app[SITE].store
    asked = wanted(request)
    found = await store.incidents.find(asked, store.now())
    after = str(found[-1].id) if len(found) == asked.limit else None
    return web.json_response({"incidents": [write(each) for each in found], "next": after})


def wanted(request: web.Request) -> Wanted:
    """Read what is looked for; raises WrongError."""
    words = tuple(request.query.get("q", "").split())
    if len(words) > _MOST_WORDS:
        raise WrongError("q", f"write at most {_MOST_WORDS} words")
    page = paged(request)
    return Wanted(
        choice(request, "state", (*STATES, "active")),
        words,
        choice(request, "severity", SEVERITIES),
        page.before,
        page.limit,
    )


async def stream(request: web.Request) -> web.StreamResponse:
    """Stream which incidents changed and how they stand now, within seconds of it.

    Each event is `{"incidents": [{"id": 7, "state": "resolved"}]}`; what changed before it is
    connected is not told.
    """
    demand(request, Scope.READ)
    changes = request.app[SITE].changes
    if changes.feed.is_full:
        return too_many()
    with changes.feed.subscribe() as told:
        await changes.begin()
        return await tell(request, told)


async def show(request: web.Request) -> web.Response:
    """Return one incident with its alerts, as its newest webhooks name them, and its timeline.

    Of one that joined another, the other is returned.
    """
    demand(request, Scope.READ)
    store, number = request.app[SITE].store, int(request.match_info["number"])
    found = await store.incidents.look_up(number, store.now())
    if found is None:
        return problem(404, f"no incident {number}")
    told = await told_of(store, found)
    events = await store.incidents.timeline(found.id)
    alerts = [alert for each in told for alert in each.alerts][:_MOST_ALERTS]
    said = {
        "alerts_named": [write_alert(alert) for alert in alerts],
        "timeline": [_write_event(event) for event in events],
    }
    return web.json_response(write(found) | said)


async def acknowledge(request: web.Request) -> web.Response:
    """Take an incident in the name of the token."""
    who = demand(request, Scope.OPERATE)
    said = await read_json(request, Acknowledging)
    lasting = None if said.lasting is None else timedelta(seconds=said.lasting)
    return await act(request, who, Wish("acknowledge", said.comment, lasting))


async def silence(request: web.Request) -> web.Response:
    """Silence in Alertmanager what now fires of an incident."""
    who = demand(request, Scope.OPERATE)
    said = await read_json(request, Silencing)
    return await act(request, who, Wish("silence", said.comment, timedelta(seconds=said.lasting)))


async def comment(request: web.Request) -> web.Response:
    """Keep a remark with an incident, in the name of the token."""
    who = demand(request, Scope.OPERATE)
    said = await read_json(request, Commenting)
    store, number = request.app[SITE].store, int(request.match_info["number"])
    change = Change(who, "comment", f"incident {number}")
    kept = await store.handling.comment(number, Remark(store.now(), who, said.text), change)
    if kept is None:
        return problem(404, f"no incident {number}")
    return web.json_response({}, status=201) if kept else problem(409, "it has too many comments")


async def act(request: web.Request, who: str, wish: Wish) -> web.Response:
    """Do what somebody wants done about an incident, and say what came of it."""
    site, number = request.app[SITE], int(request.match_info["number"])
    if wish.lasting is not None and not timedelta() < wish.lasting <= _LONGEST:
        said = f"for: write more than nothing and at most {_LONGEST.days}d"
        return problem(400, said, in_body("for"))
    if site.desk is None:
        return problem(503, "this receiver acts on nothing")
    actor = Actor(who, Person(name=who[:60], roles=(Role.OPERATE,)))
    return _answer(site, await site.desk.acting.act(actor, number, wish))


def _answer(site: Site, result: Result) -> web.Response:
    status = _REFUSALS.get(result.reason, _OUTCOMES[result.outcome])
    if status != web.HTTPOk.status_code:
        return problem(status, words_of(result, site.pages.language))
    return web.json_response({"outcome": result.outcome, "act": _write_act(result.act)})


def write(found: Incident) -> dict[str, Any]:
    """Write an incident as JSON."""
    said = asdict(found) | {"state": found.state, "taken": _write_act(found.taken)}
    said["opened_at"] = found.opened_at.isoformat()
    said["resolved_at"] = _time(found.resolved_at)
    said["reopened_at"] = _time(found.reopened_at)
    for each, member in zip(said["members"], found.members, strict=True):
        each["joined_at"] = member.joined_at.isoformat()
        each["resolved_at"] = _time(member.resolved_at)
    return said


async def told_of(store: Store, found: Incident) -> list[Notification]:
    """Return the newest webhooks of an incident and of what joined it, its own first."""
    numbers = (found.id, *(member.id for member in found.members[-_MOST_MEMBERS:]))
    every = [await store.newest_of(number) for number in numbers]
    return [told for told in every if told]


def _write_act(act: Act | None) -> dict[str, Any] | None:
    if act is None:
        return None
    said = {"verb": act.verb, "who": act.who, "comment": act.detail}
    return said | {"at": act.at.isoformat(), "until": _time(act.until)}


def _write_event(event: Event) -> dict[str, Any]:
    return {name: value for name, value in asdict(event).items() if value not in {"", None}} | {
        "at": event.at.isoformat()
    }


def write_alert(alert: Alert) -> dict[str, Any]:
    """Write an alert as JSON."""
    return {
        "fingerprint": alert.fingerprint,
        "status": alert.status.value,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": _time(alert.ends_at),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
