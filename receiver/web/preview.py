"""/preview: what would be sent, beside the template that writes it; nothing is saved, or sent."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field, ValidationError

from receiver.delivery.sending import Outlet
from receiver.intake.webhook import ParseError, parse
from receiver.messages.custody import NOBODY, Custody
from receiver.messages.library import DIGEST_FILES, Key, Source, source_of
from receiver.messages.render import Style, files_for
from receiver.messages.samples import ACTS, BACKGROUNDS, CUSTODY, DIGESTS, NOW, SAMPLES
from receiver.messages.writing import page_of, write
from receiver.model import UNKNOWN, Language, Notification
from receiver.settings import Section, describe, faults
from receiver.store.notices import Asked
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand, demand_page, read_json
from receiver.web.auth import Scope
from receiver.web.keys import SITE, Site
from receiver.web.looks.chats import look_of
from receiver.web.pages import policy
from receiver.web.problems import Place, Refusal, in_body, problem
from receiver.web.trial import Ask, Written, unfold, write_apart

_LATEST = 50
_LARGEST_ID = 2**63 - 1


class _Wanted(Section):
    """What to show; about the payload if there is one, else about the incident, or the sample."""

    channel: str = ""
    language: Language | None = None
    template: str = ""
    sample: str = "single"
    incident: Annotated[int, Field(ge=0, le=_LARGEST_ID)] = 0


class Tried(_Wanted):
    """With a payload or with a template's text of somebody's own."""

    payload: Annotated[str, Field(max_length=1_000_000)] = ""
    source: Annotated[str, Field(max_length=256 * 1024)] | None = None


@dataclass(frozen=True, slots=True)
class _Subject:
    """What the message is about: a sample by its name, or a webhook's body, at a moment."""

    sample: str
    body: bytes
    now: datetime
    incident: int = CUSTODY.incident


async def page(request: web.Request) -> web.Response:
    """Show the page, which asks for the rest."""
    demand_page(request, Scope.READ)
    site = request.app[SITE]
    try:
        latest = await site.store.notices(Asked("", "", limit=_LATEST))
    except StoreUnavailableError:
        latest = []
    incidents = {notice.incident: notice for notice in latest if notice.incident}
    text = site.pages.preview(list(site.outlets), list(SAMPLES), list(incidents.values()))
    # A mail brings styles of its own into its frame, which inherits what this page may do.
    headers = {"Content-Security-Policy": policy("'self' 'unsafe-inline'")}
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=headers)


async def look(request: web.Request) -> web.Response:
    """Show a message about a sample or an incident, by the templates in force."""
    demand(request, Scope.READ)
    try:
        wanted = _Wanted.model_validate(dict(request.query))
    except ValidationError as error:
        said = "; ".join(describe(Path("query"), error, _Wanted))
        places = (Place("parameter", str(at[0]), what) for at, what in faults(error, _Wanted))
        raise Refusal(400, said, *places) from error
    return await _answered(request.app[SITE], Tried(**wanted.model_dump()))


async def try_out(request: web.Request) -> web.Response:
    """Show a message about a payload, or by a template that is still being written."""
    demand(request, Scope.OPERATE)
    return await _answered(request.app[SITE], await read_json(request, Tried))


async def _answered(site: Site, tried: Tried) -> web.Response:
    try:
        outlet = _outlet(site, tried)
        written = _template(outlet, tried)
        subject = await _subject(site, tried)
        shown = await _show(site, outlet, written, subject, tried.source)
    except LookupError as error:
        return problem(404, str(error.args[0]))
    except ParseError as error:
        wrong = f"{error}; paste the body that Alertmanager posts"
        return problem(400, wrong, in_body("payload"))
    except BlockingIOError:
        return problem(429, "another template is being tried; try again")
    said: Mapping[str, Any] = {
        **shown,
        "templates": _templates(outlet, tried),
        "template": written,
        "source": source_of(outlet.templates, outlet.style.language, written),
    }
    return web.json_response(said)


def _outlet(site: Site, tried: Tried) -> Outlet:
    name = tried.channel or next(iter(site.outlets), "")
    if name not in site.outlets:
        known = ", ".join(site.outlets)
        raise LookupError(f"channel: no channel is named {name!r:.80}; there are {known}")
    outlet = site.outlets[name]
    return outlet.speaking(tried.language or outlet.style.language)


def _templates(outlet: Outlet, tried: Tried) -> list[str]:
    sample = "" if tried.payload or tried.incident else tried.sample
    act = ACTS[sample].act if sample in ACTS else None
    files = DIGEST_FILES if sample in DIGESTS else files_for(act, outlet.style)
    page = [files["html"]] if outlet.style.format == "email" else []
    return [files[outlet.style.format], files["title"], *page]


def _template(outlet: Outlet, tried: Tried) -> str:
    written = _templates(outlet, tried)
    return tried.template if tried.template in written else written[0]


async def _subject(site: Site, tried: Tried) -> _Subject:
    if tried.payload:
        return _Subject("", tried.payload.encode("utf-8", "replace"), site.store.now())
    if tried.incident:
        bodies = await site.store.told_of(tried.incident)
        if not bodies:
            raise LookupError(f"incident: nothing is stored of {tried.incident}")
        return _Subject("", bodies[0], site.store.now(), tried.incident)
    if tried.sample not in SAMPLES:
        raise LookupError(f"sample: no {tried.sample!r:.40}; there are {', '.join(SAMPLES)}")
    return _Subject(tried.sample, b"", NOW)


async def _show(
    site: Site, outlet: Outlet, template: str, subject: _Subject, source: str | None
) -> Mapping[str, Any]:
    """Return what the channel would post, how it looks, and what failed.

    Somebody's own text is put in apart; raises BlockingIOError where that is busy.
    """
    told = await _told(subject)
    style, background = outlet.style, BACKGROUNDS.get(subject.sample, UNKNOWN)
    custody = outlet.doors.pretend(subject.incident, subject.now) if outlet.doors else NOBODY
    said = write(told, style, outlet.templates, subject.now, background, custody)
    message, failures = said.message, tuple(map(str, said.failures))
    if source is not None:
        own = {**outlet.templates.own, (style.language, template): Source(template, source)}
        written = await _apart(site, style, subject, own, custody)
        message = replace(message, title=written.title, body=written.body, html=written.html)
        failures = written.failures
        if not written.body:  # it could not even be read
            return {"title": "", "body": "", "html": "", "failures": failures}
    draft = outlet.channel.draft(message)
    page = page_of(message) or site.pages.look(look_of(style.format, draft, message))
    return {"title": draft.title, "body": draft.lines, "html": page, "failures": failures}


async def _told(subject: _Subject) -> Sequence[Notification]:
    if subject.sample:
        return SAMPLES[subject.sample]
    return [await asyncio.to_thread(parse, subject.body)]


async def _apart(
    site: Site, style: Style, subject: _Subject, own: Mapping[Key, Source], custody: Custody
) -> Written:
    if site.trying.locked():
        raise BlockingIOError
    async with site.trying:
        return await write_apart(
            Ask(
                format=style.format,
                language=style.language,
                timezone=style.timezone,
                external_url=style.external_url,
                changes=style.changes,
                now=subject.now,
                sample=subject.sample,
                webhook=subject.body.decode("utf-8", "replace"),
                own=unfold(own),
                custody=custody,
            )
        )
