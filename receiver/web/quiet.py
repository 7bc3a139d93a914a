"""/quiet: what is kept quiet and what will be, by silences and by maintenance windows."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import ValidationError

from receiver.incidents.quiet.windows import Window
from receiver.settings import Section, describe
from receiver.store.schema import StoreUnavailableError
from receiver.upstream.asking import AskError
from receiver.upstream.quieting import Planned
from receiver.web.answers import demand_page, html
from receiver.web.auth import Scope
from receiver.web.forms import POLICY, Form, read_form, seal_for
from receiver.web.keys import SITE, Site
from receiver.web.silences import Silencing, hush, known, lift, prolong

_Kind = TypeVar("_Kind", bound=Section)
_HOUR = timedelta(hours=1)
_REFUSED = {"taken": "name_taken", "full": "full"}


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a form: one of the page's texts with a detail, and whether it worked.

    `fields` are what the form is filled with again.
    """

    text: str = ""
    detail: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    worked: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A window: until when it is open, or when it opens, and who planned it, unless a file did."""

    window: Window
    until: datetime | None
    opens: datetime | None
    made_by: str


async def page(request: web.Request) -> web.Response:
    """Show it, with forms for whoever may act."""
    demand_page(request, Scope.READ)
    return await _show(request, Said())


async def act(request: web.Request) -> web.Response:
    """Do what the form says, and show what came of it."""
    form = await read_form(request)
    do = _VERBS.get(form["verb"], _nothing)
    try:
        said = await do(request.app[SITE], form)
    except AskError as error:
        said = Said("failed_act", str(error), form.fields)
    except StoreUnavailableError:
        said = Said("away", fields=form.fields)
    return await _show(request, said)


async def _nothing(_: Site, __: Form) -> Said:
    return Said("unknown_verb")


async def _silence(site: Site, form: Form) -> Said:
    wanted = {"matchers": form.lines("matchers"), "for": form["for"], "comment": form["comment"]}
    read, wrong = _read(Silencing, wanted)
    if read is None:
        return Said("failed_act", wrong, form.fields)
    await hush(site, form.who, read)
    return Said("silenced", worked=True)


async def _extend(site: Site, form: Form) -> Said:
    there = await prolong(site, form.who, form["id"], _HOUR)
    return Said("extended", worked=True) if there else Said("no_such", form["id"])


async def _end(site: Site, form: Form) -> Said:
    there = await lift(site, form.who, form["id"])
    return Said("ended", worked=True) if there else Said("no_such", form["id"])


async def _plan(site: Site, form: Form) -> Said:
    wanted = {name: form[name] for name in ("name", "start", "duration", "comment")}
    read, wrong = _read(Window, wanted | {"matchers": form.lines("matchers")})
    if read is None:
        return Said("failed_act", wrong, form.fields)
    refused = await site.planning.add(site.planning.settled(read), form.who, site.store.now())
    return (
        Said(_REFUSED[refused], read.name, form.fields) if refused else Said("planned", worked=True)
    )


async def _cancel(site: Site, form: Form) -> Said:
    name = form["name"]
    if any(window.name == name for window in site.planning.rules().windows):
        return Said("fixed", name)
    gone = await site.planning.drop(name, form.who, site.store.now())
    return Said("cancelled", worked=True) if gone else Said("no_such", name)


_VERBS: Mapping[str, Callable[[Site, Form], Awaitable[Said]]] = {
    "silence": _silence,
    "extend": _extend,
    "end": _end,
    "plan": _plan,
    "cancel": _cancel,
}


def _read(kind: type[_Kind], wanted: Mapping[str, Any]) -> tuple[_Kind | None, str]:
    """Read what a form has, or say what is wrong with it."""
    try:
        return kind.model_validate(wanted), ""
    except ValidationError as error:
        said = describe(Path(), error, kind)
        return None, "; ".join(line.partition(": ")[2] for line in said)


async def _show(request: web.Request, said: Said) -> web.Response:
    site = request.app[SITE]
    now, away = site.store.now(), ""
    silences: Sequence[Planned] = ()
    try:
        silences = await known(site)
    except AskError as error:
        away = str(error)
    try:
        await site.planning.refresh(now)
    except StoreUnavailableError:
        return html(site.pages.notice("away"), 503)
    zone = site.planning.rules().zone
    text = site.pages.write(
        "quiet.html",
        said=said,
        silences=silences,
        away=away,
        windows=_kept(site, now),
        seal=seal_for(request)[1],
        zone=zone,
        now=f"{now.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}",
    )
    return html(text, headers=POLICY)


def _kept(site: Site, now: datetime) -> list[Kept]:
    """Return the windows that are open, and then those that will be, soonest first."""
    made_by = {plan.name: plan.made_by for plan in site.planning.plans}
    found = []
    for window in site.planning.windows:
        spell = window.spell(now)
        opens = None if spell.is_open else window.opens(now)
        if spell.is_open or opens:
            until = spell.ends if spell.is_open else None
            found.append(Kept(window, until, opens, made_by.get(window.name, "")))
    return sorted(found, key=lambda kept: (kept.until is None, kept.opens or kept.until or now))
