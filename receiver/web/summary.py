"""/api/v1/summary and /alerts: how things stand, in numbers and in full."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from aiohttp import web

from receiver.model import Status
from receiver.store.incidents import Incident, Wanted
from receiver.web.answers import demand
from receiver.web.auth import Scope
from receiver.web.incidents import told_of, write_alert
from receiver.web.keys import SITE, Site
from receiver.web.paging import paged, period

_USUAL = timedelta(days=1)
_LONGEST = timedelta(days=90)


async def summary(request: web.Request) -> web.Response:
    """Return what began in the last day, or `last` so long, and what is open now."""
    demand(request, Scope.READ)
    store = request.app[SITE].store
    last = period(request, "last", _USUAL, _LONGEST)
    since = store.now() - last
    told = await store.incidents.summarise(since)
    return web.json_response(
        {
            "since": since.isoformat(),
            "open": await store.open_incidents(),
            "opened": told.opened,
            "severities": told.severities,
            "acknowledged": told.acknowledged,
            "mean_time_to_acknowledge_seconds": told.acknowledged_after,
            "resolved": told.resolved,
            "mean_time_to_resolve_seconds": told.resolved_after,
            "hours": [{"at": at.isoformat(), "opened": count} for at, count in told.hours],
            "talkers": [{"title": title, "opened": count} for title, count in told.talkers],
        }
    )


async def alerts(request: web.Request) -> web.Response:
    """Return what fires, incident by incident, newest first; `next` gets the page after it."""
    demand(request, Scope.READ)
    store = request.app[SITE].store
    page = paged(request)
    wanted = Wanted("active", before=page.before, limit=page.limit)
    found = await store.incidents.find(wanted, store.now())
    listed = [alert for each in found for alert in await _alerts(request.app[SITE], each)]
    after = str(found[-1].id) if len(found) == page.limit else None
    return web.json_response({"alerts": listed, "next": after})


async def _alerts(site: Site, found: Incident) -> Iterable[dict[str, Any]]:
    told = await told_of(site.store, found)
    firing = (a for each in told for a in each.alerts if a.status is Status.FIRING)
    return [write_alert(a) | {"incident": found.id, "state": found.state} for a in firing]
