"""/channels and /api/v1/channels: how each one does, and a test on purpose."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

from aiohttp import web
from pydantic import AfterValidator

from receiver.delivery import breaker
from receiver.messages.samples import exercise
from receiver.model import SendError
from receiver.settings import Section
from receiver.severity import SEVERITIES
from receiver.store.audit import Change
from receiver.store.faring import Fared
from receiver.store.records import Gate, Queue
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, demand_page, html, read_json
from receiver.web.auth import Scope
from receiver.web.forms import POLICY, read_form, seal_for
from receiver.web.keys import SITE, Site
from receiver.web.problems import problem

_LATELY = timedelta(days=1)


def _check_severity(name: str) -> str:
    if name not in SEVERITIES:
        raise ValueError(f"no severity {name!r:.40}; write {', '.join(SEVERITIES)}")
    return name


class Asked(Section):
    """What the test says of itself; the body may be left out."""

    severity: Annotated[str, AfterValidator(_check_severity)] = "info"
    resolved: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel does: until when it rests, what it is owed, and how it fared for a day."""

    name: str
    type: str = ""
    fallback: str = ""
    rests_until: datetime | None = None
    queue: Queue | None = None
    fared: Fared = field(default_factory=Fared)


async def find(request: web.Request) -> web.Response:
    """Return each channel with what it is owed and since when, and how it fared for a day."""
    demand(request, Scope.READ)
    every = await _standings(request.app[SITE])
    return web.json_response({"channels": [_write(each) for each in every]})


async def test(request: web.Request) -> web.Response:
    """Send a test message by a channel in its turn, and note in the audit who wanted it."""
    who = demand(request, Scope.OPERATE)
    asked = await read_json(request, Asked)
    name, site = request.match_info["name"], request.app[SITE]
    try:
        failed = await _try(site, who, name, asked)
    except LookupError:
        known = ", ".join(site.channels)
        return problem(404, f"no channel is named {name!r:.80}; there are {known}")
    if failed:
        return problem(502, str(failed), channel=name, reason=failed.reason)
    return web.json_response({"channel": name, "outcome": "sent"})


async def page(request: web.Request) -> web.Response:
    """Show how each channel does, with a button that tests it for whoever may act."""
    demand_page(request, Scope.READ)
    return await _show(request)


async def act(request: web.Request) -> web.Response:
    """Send the test that the form asks for, and show what came of it."""
    form = await read_form(request)
    name = form["channel"]
    try:
        failed = await _try(request.app[SITE], form.who, name, Asked())
    except LookupError:
        return await _show(request, "no_channel", name)
    except StoreUnavailableError:
        return await _show(request, "away")
    if failed:
        return await _show(request, "failed_act", f"{name}: {failed}")
    return await _show(request, "tested", name, worked=True)


async def _try(site: Site, who: str, name: str, asked: Asked) -> SendError | None:
    """Send a test and note who wanted it; raises LookupError and StoreUnavailableError."""
    test = exercise(asked.severity, site.store.now(), resolved=asked.resolved)
    failed = None
    try:
        await site.send_test(name, test)
    except SendError as error:
        failed = error
    change = Change(who, "test", f"channel {name}", str(failed or "sent"))
    await site.store.note(change, site.store.now())
    return failed


async def _show(
    request: web.Request, text: str = "", detail: str = "", *, worked: bool = False
) -> web.Response:
    site = request.app[SITE]
    try:
        every = await _standings(site)
    except StoreUnavailableError:
        return html(site.pages.notice("away"), 503)
    said = {"text": text, "detail": detail, "worked": worked}
    seal = seal_for(request)[1]
    return html(
        site.pages.write("channels.html", channels=every, said=said, seal=seal), 200, POLICY
    )


async def _standings(site: Site) -> list[Standing]:
    now = site.store.now()
    queues = {queue.channel: queue for queue in await site.store.queues()}
    gates = await site.store.gates.every()
    fared = await site.store.faring.since(now - _LATELY)
    return [
        Standing(
            name,
            outlet.channel.type if outlet else "",
            outlet.channel.fallback if outlet else "",
            _rests(gates.get(outlet.line.gate) if outlet else None, now),
            queues.get(name),
            fared.get(name, Fared()),
        )
        for name, outlet in ((name, site.outlets.get(name)) for name in site.channels)
    ]


def _rests(gate: Gate | None, now: datetime) -> datetime | None:
    until = breaker.blocked_until(gate) if gate else now
    return until if until > now else None


def _write(each: Standing) -> dict[str, Any]:
    trouble = each.fared.trouble
    return {
        "name": each.name,
        "type": each.type or None,
        "fallback": each.fallback or None,
        "resting": each.rests_until is not None,
        "rests_until": each.rests_until.isoformat() if each.rests_until else None,
        "owed": each.queue.owed if each.queue else 0,
        "oldest": each.queue.oldest.isoformat() if each.queue else None,
        "sent": each.fared.sent,
        "dead": each.fared.dead,
        "last_error": {
            "at": trouble.at.isoformat(),
            "reason": trouble.reason,
            "error": trouble.detail,
        }
        if trouble
        else None,
    }
