"""/api/v1/silences: Alertmanager's own, listed, made and ended through it."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import aiohttp
from aiohttp import web
from pydantic import Field

from receiver.settings import Duration, MatcherText, Section
from receiver.store.audit import Change
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.asking import AskError
from receiver.upstream.quieting import Planned, expire, listed, plan
from receiver.web.answers import demand, problem, read_json
from receiver.web.auth import Scope
from receiver.web.keys import SITE, Site

_LONGEST = timedelta(days=365)


class Silencing(Section):
    """A silence by matchers as in Alertmanager, `for` so long from now on."""

    matchers: Annotated[tuple[MatcherText, ...], Field(min_length=1, max_length=50)]
    lasting: Duration = Field(alias="for")
    comment: Annotated[str, Field(min_length=1, max_length=2_000)]


async def find(request: web.Request) -> web.Response:
    """Return the silences that are in force or to come, those that end first first."""
    demand(request, Scope.READ)
    http, told = _upstream(request.app[SITE])
    try:
        found = await listed(http, told)
    except AskError as error:
        return problem(502, str(error))
    return web.json_response({"silences": [_shown(each) for each in found]})


async def make(request: web.Request) -> web.Response:
    """Silence what the matchers match, in the name of the token."""
    who = demand(request, Scope.OPERATE)
    said = await read_json(request, Silencing)
    lasting = timedelta(seconds=said.lasting)
    if not timedelta() < lasting <= _LONGEST:
        return problem(400, f"for: write more than nothing and at most {_LONGEST.days}d", "for")
    if all(matcher.matches({}) for matcher in said.matchers):
        return problem(400, "matchers: at least one must not match an empty label", "matchers")
    site = request.app[SITE]
    http, told = _upstream(site)
    now, texts = site.store.now(), tuple(map(str, said.matchers))
    wanted = Planned(texts, now, now + lasting, who, said.comment)
    try:
        number = await plan(http, told, wanted, said.matchers)
    except AskError as error:
        return problem(502, str(error))
    detail = f"{', '.join(texts)} until {wanted.ends_at:%Y-%m-%d %H:%M} UTC: {number}"
    await site.store.note(Change(who, "silence", "alertmanager", detail), now)
    return web.json_response({"id": number, "ends_at": wanted.ends_at.isoformat()}, status=201)


async def end(request: web.Request) -> web.Response:
    """End a silence now."""
    who = demand(request, Scope.OPERATE)
    site, number = request.app[SITE], request.match_info["id"]
    http, told = _upstream(site)
    try:
        if all(each.id != number for each in await listed(http, told)):
            return problem(404, f"no silence {number!r:.80} is in force or to come")
        await expire(http, told, number)
    except AskError as error:
        return problem(502, str(error))
    await site.store.note(Change(who, "unsilence", "alertmanager", number), site.store.now())
    return web.Response(status=204)


def _upstream(site: Site) -> tuple[aiohttp.ClientSession, Alertmanager]:
    """Return how to ask Alertmanager; raises the refusal where none is configured."""
    told = site.desk.acting.alertmanager if site.desk else None
    if site.desk is None or told is None:
        said = problem(409, "receiver.yml names no Alertmanager; add `alertmanager: {url: ...}`")
        raise web.HTTPConflict(text=said.text, content_type=said.content_type)
    return site.desk.http, told


def _shown(each: Planned) -> dict[str, Any]:
    times = {"starts_at": each.starts_at.isoformat(), "ends_at": each.ends_at.isoformat()}
    return asdict(each) | times
