"""An Alertmanager's API v2 that knows what the test tells it."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb


@dataclass
class FakeAlertmanager(FakeWeb):
    """Has alerts by fingerprint, receivers, and a time since when it runs."""

    up_since: str = "2026-11-01T00:00:00.000Z"
    receivers: list[str] = field(default_factory=lambda: ["tocsin"])
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    config: str = "route: {receiver: tocsin}\n"
    version: str = "0.28.1"
    authorized: list[str | None] = field(default_factory=list)

    def knows(self, fingerprint: str, **status: list[str]) -> None:
        quiet: dict[str, list[str]] = {"silencedBy": [], "inhibitedBy": [], "mutedBy": []} | status
        self.alerts[fingerprint] = {
            "fingerprint": fingerprint,
            "receivers": [{"name": name} for name in self.receivers],
            "status": {"state": "suppressed" if any(status.values()) else "active", **quiet},
        }

    async def reply(self, request: web.Request) -> Answer:
        self.authorized.append(request.headers.get("Authorization"))
        what = request.path.rpartition("/")[2]
        if what == "status":
            versions = {"version": self.version}
            config = {"original": self.config}
            said: Any = {"uptime": self.up_since, "versionInfo": versions, "config": config}
        elif what == "receivers":
            said = [{"name": name} for name in self.receivers]
        else:
            said = list(self.alerts.values())
        return web.json_response(said)
