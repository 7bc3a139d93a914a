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
    monitoring,
    openapi,
    pictures,
    preview,
    quality,
    quiet,
    reports,
    ruled,
    runs,
    schedules,
    signing_in,
    slack,
    webhook,
)
from receiver.web.answers import unavailable
from receiver.web.api import API
from receiver.web.keys import SITE, Site
from receiver.web.once import once
from receiver.web.operation import Operation
from receiver.web.pages import STATIC, policy
from receiver.web.problems import say_alike
from receiver.web.streaming import KIND

_HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer` a browser hides from us too that a page of ours sends a form.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_CASE = "/incidents/{number:[0-9]{1,18}}"
_RUN = "/responses/{number:[0-9]{1,18}}"
_ROUTE = {"POST": web.post, "PUT": web.put, "DELETE": web.delete}


def _route(each: Operation) -> web.RouteDef:
    """Route an operation; nobody asks for the headers alone of what goes on for hours."""
    if each.method == "GET":
        return web.get(each.path, each.handler, allow_head=each.kind != KIND)
    handler = once(each.handler, each.scope) if each.changes else each.handler
    return _ROUTE[each.method](each.path, handler)


ROUTES = (
    *map(_route, API),
    web.get(openapi.PATH, openapi.show),
    web.post("/webhook/alertmanager", webhook.receive),
    web.post("/webhook/grafana", webhook.receive_from_grafana),
    web.get("/metrics", monitoring.metrics),
    web.get("/-/healthy", monitoring.healthy),
    web.get("/-/ready", monitoring.ready),
    web.post("/-/reload", control.reload),
    web.get("/on-call", schedules.page),
    web.get("/channels", channels.page),
    web.post("/channels", channels.act),
    web.get("/quiet", quiet.page),
    web.post("/quiet", quiet.act),
    web.get("/reports/{kind:(?:daily|weekly)}", reports.page),
    web.get("/sign-in", signing_in.page),
    web.post("/sign-in", signing_in.sign_in),
    web.post("/sign-out", signing_in.sign_out),
    web.get("/incidents", cases.every),
    web.get(_CASE, cases.one),
    web.post(_CASE, cases.act),
    web.get("/responses", runs.every),
    web.post("/responses", runs.act),
    web.get(_RUN, runs.one),
    web.post(_RUN, runs.answer),
    web.get("/quality", quality.page),
    web.get("/rules", ruled.page),
    web.get("/", inbox.page),
    web.get(pictures.PATH, pictures.show),
    web.get("/preview", preview.page),
    web.get("/act/{incident:[0-9]+}", act.page),
    web.post("/act/{incident:[0-9]+}", act.act),
    web.post("/slack/actions", slack.click),
    web.get("/events", inbox.events, allow_head=False),
)


def application(site: Site) -> web.Application:
    """Build the application that answers for a site."""
    app = web.Application(client_max_size=webhook.MAX_BODY, middlewares=[say_alike, _say_away])
    app[SITE] = site
    app.add_routes(ROUTES)
    app.router.add_static("/static", STATIC)
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(_end_streams)
    return app


@web.middleware
async def _say_away(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer for an API that could not read or write the store."""
    try:
        return await handler(request)
    except StoreUnavailableError as error:
        return unavailable(error)


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


async def _end_streams(app: web.Application) -> None:
    app[SITE].feed.close()
    await app[SITE].changes.close()
