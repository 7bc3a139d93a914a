"""GET /api/v1/notifications: what became of each message, and why."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from receiver.delivery.outlook import outlook
from receiver.model import Alert
from receiver.store.notices import STATES, Asked
from receiver.store.records import Gate, Line, Notice
from receiver.web.answers import demand
from receiver.web.auth import Scope
from receiver.web.keys import SITE, Site
from receiver.web.paging import choice, paged


async def find(request: web.Request) -> web.Response:
    """Return messages of `state` and `channel`, newest first, `limit` at a time.

    `next` is null on the last page, and otherwise the parameter that gets the page after it.
    """
    demand(request, Scope.READ)
    asked = _asked(request)
    found = await request.app[SITE].store.notices(asked)
    known = await request.app[SITE].store.gates.every()
    after = str(found[-1].id) if len(found) == asked.limit else None
    told = [_write(each) | _next(each, request.app[SITE], known) for each in found]
    return web.json_response({"notifications": told, "next": after})


def _asked(request: web.Request) -> Asked:
    page = paged(request)
    state = choice(request, "state", STATES)
    return Asked(state, request.query.get("channel", ""), page.before, page.limit)


def _next(notice: Notice, site: Site, known: Mapping[str, Gate]) -> dict[str, Any]:
    """Say when an owed message is tried again, and what it waits for."""
    if notice.state != "owed":
        return {"not_before": None, "waits_for": None}
    outlet, now = site.outlets.get(notice.channel), site.store.now()
    if notice.channel not in site.channels:
        return {"not_before": None, "waits_for": "channel"}
    line = outlet.line if outlet else Line(notice.channel)
    rule = outlet.channel.rule if outlet else None
    next_try = outlook(notice, known.get(line.gate, Gate()), rule, now)
    return {"not_before": next_try.at.isoformat(), "waits_for": next_try.waits_for or None}


def _write(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "channel": notice.channel or None,
        "state": notice.state,
        "reason": notice.reason,
        "detail": notice.detail,
        "held_by": notice.held_by,
        "incident": notice.incident,
        "status": notice.status,
        "severity": notice.severity,
        "title": notice.title,
        "attempts": notice.attempts,
        "accepted_at": notice.accepted_at.isoformat(),
        "settled_at": notice.settled_at.isoformat() if notice.settled_at else None,
        "within": notice.within,
        "alerts": [_write_alert(alert) for alert in notice.alerts],
        "alerts_total": notice.total,
    }


def _write_alert(alert: Alert) -> dict[str, Any]:
    return {
        "fingerprint": alert.fingerprint,
        "status": alert.status.value,
        "labels": dict(alert.labels),
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": alert.ends_at.isoformat() if alert.ends_at else None,
    }
