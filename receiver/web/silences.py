"""/api/v1/silences: Alertmanager's own, listed, made and ended through it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import aiohttp
from aiohttp import web
from pydantic import AfterValidator, Field

from receiver.settings import Duration, Matcher, MatcherText, Section
from receiver.store.audit import Change
from receiver.upstream.alertmanager import Alertmanager
from receiver.upstream.asking import AskError
from receiver.upstream.quieting import Planned, expire, extend, listed, plan
from receiver.web.answers import demand, read_json
from receiver.web.auth import Scope
from receiver.web.keys import SITE, Site
from receiver.web.problems import problem

_LONGEST = timedelta(days=365)
_NOBODY = "unconfigured"


def _check_some(matchers: Sequence[Matcher]) -> Sequence[Matcher]:
    if all(matcher.matches({}) for matcher in matchers):
        raise ValueError("match whatever has no labels; add one that does not match an empty value")
    return matchers


def _check_lasting(seconds: float) -> float:
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise ValueError(f"write more than nothing and at most {_LONGEST.days}d")
    return seconds


class Silencing(Section):
    """A silence by matchers as in Alertmanager, `for` so long from now on."""

    matchers: Annotated[
        tuple[MatcherText, ...], Field(min_length=1, max_length=50), AfterValidator(_check_some)
    ]
    lasting: Annotated[Duration, AfterValidator(_check_lasting)] = Field(alias="for")
    comment: Annotated[str, Field(min_length=1, max_length=2_000)]


async def find(request: web.Request) -> web.Response:
    """Return the silences that are in force or to come, those that end first first."""
    demand(request, Scope.READ)
    try:
        found = await known(request.app[SITE])
    except AskError as error:
        return _refusal(error)
    return web.json_response({"silences": [_shown(each) for each in found]})


async def make(request: web.Request) -> web.Response:
    """Silence what the matchers match, in the name of the token."""
    who = demand(request, Scope.OPERATE)
    said = await read_json(request, Silencing)
    try:
        made = await hush(request.app[SITE], who, said)
    except AskError as error:
        return _refusal(error)
    return web.json_response({"id": made.id, "ends_at": made.ends_at.isoformat()}, status=201)


async def end(request: web.Request) -> web.Response:
    """End a silence now."""
    who = demand(request, Scope.OPERATE)
    number = request.match_info["id"]
    try:
        ended = await lift(request.app[SITE], who, number)
    except AskError as error:
        return _refusal(error)
    if not ended:
        return problem(404, f"no silence {number!r:.80} is in force or to come")
    return web.Response(status=204)


async def known(site: Site) -> list[Planned]:
    """Return the silences that are in force or to come; this and what follows raise AskError."""
    return await listed(*_upstream(site))


async def hush(site: Site, who: str, said: Silencing) -> Planned:
    """Make a silence, and note who wanted it."""
    http, told = _upstream(site)
    now, texts = site.store.now(), tuple(map(str, said.matchers))
    wanted = Planned(texts, now, now + timedelta(seconds=said.lasting), who, said.comment)
    number = await plan(http, told, wanted, said.matchers)
    detail = f"{', '.join(texts)} until {wanted.ends_at:%Y-%m-%d %H:%M} UTC: {number}"
    await site.store.note(Change(who, "silence", "alertmanager", detail), now)
    return Planned(texts, now, wanted.ends_at, who, said.comment, number, "active")


async def lift(site: Site, who: str, number: str) -> bool:
    """End a silence, and note who wanted it; returns whether there was one."""
    http, told = _upstream(site)
    if all(each.id != number for each in await listed(http, told)):
        return False
    await expire(http, told, number)
    await site.store.note(Change(who, "unsilence", "alertmanager", number), site.store.now())
    return True


async def prolong(site: Site, who: str, number: str, by: timedelta) -> bool:
    """Make a silence longer, and note who wanted it; returns whether there was one."""
    longer = await extend(*_upstream(site), number, by)
    if longer is None:
        return False
    detail = f"{number} until {longer.ends_at:%Y-%m-%d %H:%M} UTC"
    await site.store.note(Change(who, "prolong", "alertmanager", detail), site.store.now())
    return True


def _upstream(site: Site) -> tuple[aiohttp.ClientSession, Alertmanager]:
    told = site.desk.acting.alertmanager if site.desk else None
    if site.desk is None or told is None:
        said = "receiver.yml names no Alertmanager; add `alertmanager: {url: ...}`"
        raise AskError(_NOBODY, said)
    return site.desk.http, told


def _refusal(error: AskError) -> web.Response:
    return problem(409 if error.reason == _NOBODY else 502, str(error))


def _shown(each: Planned) -> dict[str, Any]:
    times = {"starts_at": each.starts_at.isoformat(), "ends_at": each.ends_at.isoformat()}
    return asdict(each) | times
