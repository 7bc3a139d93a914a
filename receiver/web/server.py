"""Which address does what."""

from aiohttp import web
from aiohttp.typedefs import Handler

from receiver.store.schema import StoreUnavailableError
from receiver.web import (
    act,
    cases,
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
    signing_in,
    silences,
    slack,
    summary,
    webhook,
)
from receiver.web.answers import problem
from receiver.web.keys import SITE, Site
from receiver.web.pages import STATIC, policy

_INCIDENT = "/api/v1/incidents/{number:[0-9]{1,18}}"
_HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_CASE = "/incidents/{number:[0-9]{1,18}}"
_PLANS = "/api/v1/schedules"
_ROUTES = (
    web.post("/webhook/alertmanager", webhook.receive),
    web.post("/webhook/grafana", webhook.receive_from_grafana),
    web.get("/metrics", monitoring.metrics),
    web.get("/-/healthy", monitoring.healthy),
    web.get("/-/ready", monitoring.ready),
    web.get("/api/v1/notifications", notifications.find),
    web.get("/api/v1/maintenance", maintenance.find),
    web.post("/api/v1/maintenance", maintenance.plan),
    web.delete("/api/v1/maintenance/{name}", maintenance.cancel),
    web.get("/api/v1/alerts", summary.alerts),
    web.get("/api/v1/channels", summary.channels),
    web.get("/api/v1/summary", summary.summary),
    web.get("/api/v1/silences", silences.find),
    web.post("/api/v1/silences", silences.make),
    web.delete("/api/v1/silences/{id}", silences.end),
    web.get("/api/v1/incidents", incidents.find),
    web.get(_INCIDENT, incidents.show),
    web.post(f"{_INCIDENT}/acknowledge", incidents.acknowledge),
    web.post(f"{_INCIDENT}/silence", incidents.silence),
    web.post(f"{_INCIDENT}/comment", incidents.comment),
    web.post("/-/reload", control.reload),
    web.post("/api/v1/channels/{name}/test", channels.test),
    web.get("/api/v1/audit", control.audit),
    web.get(_PLANS, schedules.every),
    web.get(f"{_PLANS}/{{name}}.ics", schedules.calendar),
    web.get(f"{_PLANS}/{{name}}", schedules.one),
    web.post(f"{_PLANS}/{{name}}/overrides", schedules.override),
    web.delete(f"{_PLANS}/{{name}}/overrides/{{number:[0-9]+}}", schedules.withdraw),
    web.get("/on-call", schedules.page),
    web.get("/sign-in", signing_in.page),
    web.post("/sign-in", signing_in.sign_in),
    web.post("/sign-out", signing_in.sign_out),
    web.get("/incidents", cases.every),
    web.get(_CASE, cases.one),
    web.post(_CASE, cases.act),
    web.get("/", inbox.page),
    web.get(pictures.PATH, pictures.show),
    web.get("/preview", preview.page),
    web.get("/api/v1/preview", preview.look),
    web.post("/api/v1/preview", preview.try_out),
    web.get("/act/{incident:[0-9]+}", act.page),
    web.post("/act/{incident:[0-9]+}", act.act),
    web.post("/slack/actions", slack.click),
    web.get("/events", inbox.events, allow_head=False),
)


def application(site: Site) -> web.Application:
    """Build the application that answers for a site."""
    app = web.Application(client_max_size=webhook.MAX_BODY, middlewares=[_say_away])
    app[SITE] = site
    app.add_routes(_ROUTES)
    app.router.add_static("/static", STATIC)
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(_end_streams)
    return app


@web.middleware
async def _say_away(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer for an API that could not read or write the store."""
    try:
        return await handler(request)
    except StoreUnavailableError:
        return problem(503, "the store is unavailable, try again")


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


async def _end_streams(app: web.Application) -> None:
    app[SITE].feed.close()
