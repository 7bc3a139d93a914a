"""/metrics, /-/healthy and /-/ready."""

from datetime import datetime
from itertools import islice

from aiohttp import hdrs, web
from prometheus_client.exposition import choose_encoder

from receiver.momentary import Backlog
from receiver.store.schema import StoreUnavailableError
from receiver.web.answers import demand
from receiver.web.auth import Scope
from receiver.web.keys import SITE, Site

_MOST_RULES = 100
"""Whose verdicts are exported, the noisiest."""


async def metrics(request: web.Request) -> web.Response:
    """Show the metrics in the format that the scraper asks for."""
    demand(request, Scope.READ)
    site = request.app[SITE]
    site.metrics.show(await _backlog(site, site.store.now()))
    encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
    page = encode(site.metrics.registry)
    return web.Response(body=page, headers={hdrs.CONTENT_TYPE: content_type})


async def _backlog(site: Site, now: datetime) -> Backlog:
    if not await site.health.store_is_up():
        return Backlog(up=False)
    try:
        queues = {queue.channel: queue for queue in await site.store.queues()}
        opened = await site.store.open_incidents()
        damaged = await site.store.damaged()
        whose = await site.duty.now(now)
        said = await _verdicts(site, now)
    except StoreUnavailableError:
        return Backlog(up=False)
    owed, oldest = dict.fromkeys(site.channels, 0), dict.fromkeys(site.channels, 0.0)
    for name, queue in queues.items():
        owed[name] = queue.owed
        oldest[name] = max(0.0, (now - queue.oldest).total_seconds())
    on_call = {name: shift.person if shift else "" for name, shift in whose.items()}
    return Backlog(True, owed, oldest, {"open": opened}, damaged, on_call, said)


async def _verdicts(site: Site, now: datetime) -> dict[tuple[str, str], int]:
    """Count what was said of the rules of which anything was."""
    judged = (each for each in await site.grading.rules(now) if each.judged)
    return {
        (each.rule, verdict): count
        for each in islice(judged, _MOST_RULES)
        for verdict, count in each.verdicts.items()
    }


async def healthy(_: web.Request) -> web.Response:
    """Say that the process runs."""
    return web.Response(text="healthy\n")


async def ready(request: web.Request) -> web.Response:
    """Say whether a webhook could be accepted now."""
    if await request.app[SITE].health.store_is_up():
        return web.Response(text="ready\n")
    return web.Response(status=503, text="the store cannot be written\n")
