"""The HTTP surface."""

from aiohttp import web

from exporter.web import control, groups, health, opinions, signals
from exporter.web.auth import authenticate
from exporter.web.landing import landing
from exporter.web.metrics import Scrapes
from exporter.web.observations import observe
from exporter.web.service import SERVICE, Service


def make_web(service: Service) -> web.Application:
    """Make the application with all its routes."""
    application = web.Application(middlewares=[authenticate])
    application[SERVICE] = service
    application.router.add_get("/", landing)
    application.router.add_get("/metrics", Scrapes().serve)
    application.router.add_get("/-/healthy", health.probe_healthy)
    application.router.add_get("/-/ready", health.probe_ready)
    application.router.add_post("/-/reload", control.reload)
    application.router.add_post("/api/v1/observations", observe)
    application.router.add_get("/api/v1/groups", groups.listed)
    application.router.add_get("/api/v1/groups/{name:.+}", groups.one)
    application.router.add_get("/api/v1/signals", signals.signals)
    application.router.add_get("/api/v1/signals/{name}", signals.signal)
    application.router.add_get("/api/v1/signals/{name}/related", signals.related)
    application.router.add_post("/api/v1/signals/{name}/labels", opinions.label)
    application.router.add_put("/api/v1/signals/{name}/sensitivity", opinions.sensitivity)
    application.router.add_get("/health", health.health)
    application.router.add_get("/health/live", health.live)
    application.router.add_get("/health/ready", health.ready)
    return application
