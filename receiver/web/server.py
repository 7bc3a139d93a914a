"""Which address does what."""

from aiohttp import web

from receiver.web import (
    act,
    channels,
    control,
    inbox,
    incidents,
    maintenance,
    monitoring,
    notifications,
    pictures,
    preview,
    schedules,
    slack,
    webhook,
)
from receiver.web.keys import SITE, Site
from receiver.web.pages import STATIC, policy

_INCIDENT = "/api/v1/incidents/{number:[0-9]{1,18}}"
_HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def application(site: Site) -> web.Application:
    """Build the application that answers for a site."""
    app = web.Application(client_max_size=webhook.MAX_BODY)
    app[SITE] = site
    app.router.add_post("/webhook/alertmanager", webhook.receive)
    app.router.add_post("/webhook/grafana", webhook.receive_from_grafana)
    app.router.add_get("/metrics", monitoring.metrics)
    app.router.add_get("/-/healthy", monitoring.healthy)
    app.router.add_get("/-/ready", monitoring.ready)
    app.router.add_get("/api/v1/notifications", notifications.find)
    app.router.add_get("/api/v1/maintenance", maintenance.find)
    app.router.add_post("/api/v1/maintenance", maintenance.plan)
    app.router.add_delete("/api/v1/maintenance/{name}", maintenance.cancel)
    app.router.add_get("/api/v1/incidents", incidents.find)
    app.router.add_get(_INCIDENT, incidents.show)
    app.router.add_post(f"{_INCIDENT}/acknowledge", incidents.acknowledge)
    app.router.add_post(f"{_INCIDENT}/silence", incidents.silence)
    app.router.add_post(f"{_INCIDENT}/comment", incidents.comment)
    app.router.add_post("/-/reload", control.reload)
    app.router.add_post("/api/v1/channels/{name}/test", channels.test)
    app.router.add_get("/api/v1/audit", control.audit)
    plans = "/api/v1/schedules"
    app.router.add_get(plans, schedules.every)
    app.router.add_get(f"{plans}/{{name}}.ics", schedules.calendar)
    app.router.add_get(f"{plans}/{{name}}", schedules.one)
    app.router.add_post(f"{plans}/{{name}}/overrides", schedules.override)
    app.router.add_delete(f"{plans}/{{name}}/overrides/{{number:[0-9]+}}", schedules.withdraw)
    app.router.add_get("/on-call", schedules.page)
    app.router.add_get("/", inbox.page)
    app.router.add_get(pictures.PATH, pictures.show)
    app.router.add_get("/preview", preview.page)
    app.router.add_get("/api/v1/preview", preview.look)
    app.router.add_post("/api/v1/preview", preview.try_out)
    app.router.add_get("/act/{incident:[0-9]+}", act.page)
    app.router.add_post("/act/{incident:[0-9]+}", act.act)
    app.router.add_post("/slack/actions", slack.click)
    app.router.add_get("/events", inbox.events, allow_head=False)
    app.router.add_static("/static", STATIC)
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(_end_streams)
    return app


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


async def _end_streams(app: web.Application) -> None:
    app[SITE].feed.close()
