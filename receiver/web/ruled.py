"""The page /rules: what Prometheus evaluates and how that stands, and what it cannot scrape."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from aiohttp import web

from receiver.upstream.asking import AskError
from receiver.upstream.ruling import Grouped, Ruled, ask_groups
from receiver.upstream.scraping import Target, ask_targets
from receiver.web.answers import demand_page, html
from receiver.web.asking import turn
from receiver.web.auth import Scope
from receiver.web.keys import SITE, Site
from receiver.web.problems import Refusal

_MOST_RULES = 300
_MOST_DOWN = 50


@dataclass(frozen=True, slots=True)
class _Chapter:
    """A group on the page; `managed` says that the API changes it."""

    name: str
    file: str
    rules: Sequence[Ruled]
    managed: bool


async def page(request: web.Request) -> web.Response:
    """Show every rule with its state, and each target that is not up with its error."""
    demand_page(request, Scope.READ)
    site = request.app[SITE]
    groups: tuple[Grouped, ...] = ()
    targets: list[Target] = []
    trouble = ""
    try:
        groups, targets = await _asked(site)
    except AskError as error:
        trouble = str(error)
        site.metrics.upstream_failures.labels("rules", error.reason).inc()
    except Refusal:
        trouble = site.pages.texts["busy"]
    chapters = list(_chapters(site, groups))
    text = site.pages.write(
        "rules.html",
        known=site.prometheus is not None,
        trouble=trouble,
        groups=chapters,
        targets=len(targets),
        up=sum(each.health == "up" for each in targets),
        down=[each for each in targets if each.health != "up"][:_MOST_DOWN],
        clipped=_MOST_RULES if _count(groups) > _MOST_RULES else 0,
    )
    return html(text)


async def _asked(site: Site) -> tuple[tuple[Grouped, ...], list[Target]]:
    """Ask for rules and targets; there are none without a Prometheus. Raises AskError."""
    if site.prometheus is None or site.desk is None:
        return (), []
    asked = site.desk.http, site.prometheus
    async with turn(site):
        return await asyncio.gather(ask_groups(*asked), ask_targets(*asked))


def _chapters(site: Site, groups: Iterable[Grouped]) -> Iterator[_Chapter]:
    room, ours = _MOST_RULES, site.rulebook.path.name if site.rulebook else ""
    for each in groups:
        file = PurePath(each.file).name
        if shown := each.rules[:room]:
            yield _Chapter(each.name, file, shown, managed=file == ours)
        room -= len(shown)


def _count(groups: Iterable[Grouped]) -> int:
    return sum(len(each.rules) for each in groups)
