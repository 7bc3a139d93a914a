"""PagerDuty's Events API v2, with its limits and its answers."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

_SEVERITIES = {"critical", "error", "warning", "info"}


@dataclass
class FakePagerDuty(FakeWeb):
    """One integration. `events` are all that were taken, `open` the incidents that are."""

    key: str = "R0123456789ABCDEF0123456789ABCDE"
    events: list[dict[str, Any]] = field(default_factory=list)
    open: set[str] = field(default_factory=set)

    @property
    def texts(self) -> list[str]:
        return [event["payload"]["custom_details"]["text"] for event in self.events]

    async def reply(self, request: web.Request) -> Answer:
        body = await request.read()
        event = json.loads(body)
        errors = self._refuse(event, len(body))
        if errors:
            payload = {"status": "invalid event", "message": "Event object is invalid"}
            return web.json_response(payload | {"errors": errors}, status=400)
        self.events.append(event)
        taken = self.open.add if event["event_action"] == "trigger" else self.open.discard
        taken(event["dedup_key"])
        payload = {"status": "success", "message": "Event processed"}
        return web.json_response(payload | {"dedup_key": event["dedup_key"]}, status=202)

    def _refuse(self, event: dict[str, Any], size: int) -> list[str]:
        payload = event["payload"]
        checks = {
            "Invalid routing key": event["routing_key"] != self.key,
            "Length of 'event' is too large, maximum is 512000": size > 512_000,
            "'event_action' is invalid": event["event_action"] not in {"trigger", "resolve"},
            "'dedup_key' is too long": not 0 < len(event["dedup_key"]) <= 255,
            "'payload.summary' is invalid": not 0 < len(payload["summary"]) <= 1_024,
            "'payload.source' is missing or blank": not payload["source"],
            "'payload.severity' is invalid": payload["severity"] not in _SEVERITIES,
        }
        return [error for error, wrong in checks.items() if wrong]
