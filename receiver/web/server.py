"""Which address does what."""

from aiohttp import web

from receiver.web import inbox, monitoring, webhook
from receiver.web.answers import HEADERS
from receiver.web.keys import SITE, Site
from receiver.web.pages import STATIC


def application(site: Site) -> web.Application:
    """Build the application."""
    app = web.Application(client_max_size=webhook.MAX_BODY)
    app[SITE] = site
    app.router.add_post("/webhook/alertmanager", webhook.receive)
    app.router.add_get("/metrics", monitoring.metrics)
    app.router.add_get("/-/healthy", monitoring.healthy)
    app.router.add_get("/-/ready", monitoring.ready)
    app.router.add_get("/", inbox.page)
    app.router.add_get("/events", inbox.events, allow_head=False)
    for path in sorted(STATIC.iterdir()):
        app.router.add_get(f"/static/{path.name}", _file(path.read_bytes(), path.suffix))
    app.on_shutdown.append(_end_streams)
    return app


_TYPES = {".css": "text/css", ".js": "text/javascript"}
