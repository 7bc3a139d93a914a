"""PagerDuty's Events API v2, with its limits and its answers."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

_ACTIONS = {"trigger", "acknowledge", "resolve"}
_SEVERITIES = {"critical", "error", "warning", "info"}


@dataclass
class FakePagerDuty(FakeWeb):
    """One integration. `events` are all that were taken, `open` the incidents that are."""

    key: str = "R0123456789ABCDEF0123456789ABCDE"
    events: list[dict[str, Any]] = field(default_factory=list)
    open: set[str] = field(default_factory=set)
    changes: list[dict[str, Any]] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    @property
    def texts(self) -> list[str]:
        return [event["payload"]["custom_details"]["text"] for event in self.events]

    async def reply(self, request: web.Request) -> Answer:
        body = await request.read()
        event = json.loads(body)
        if request.path.endswith("/change/enqueue"):
            return self._note(event)
        errors = self._refuse(event, len(body))
        if errors:
            payload = {"status": "invalid event", "message": "Event object is invalid"}
            return web.json_response(payload | {"errors": errors}, status=400)
        self.events.append(event)
        self._follow(event["event_action"], event["dedup_key"])
        payload = {"status": "success", "message": "Event processed"}
        return web.json_response(payload | {"dedup_key": event["dedup_key"]}, status=202)

    def _note(self, change: dict[str, Any]) -> Answer:
        """A change opens nothing; it has neither a key of an incident nor a severity."""
        payload = change["payload"]
        strange = {*change} - {"routing_key", "payload", "links"}
        strange |= {*payload} - {"summary", "source", "timestamp", "custom_details"}
        if strange or change["routing_key"] != self.key or not payload["summary"]:
            return web.json_response(
                {"status": "invalid event", "message": str(strange)}, status=400
            )
        self.changes.append(change)
        return web.json_response(
            {"status": "success", "message": "Change event processed"}, status=202
        )

    def _follow(self, action: str, key: str) -> None:
        """An incident is taken only while it is open, and told again it stays taken."""
        if action == "trigger":
            self.open.add(key)
        elif action == "acknowledge":
            self.taken |= self.open & {key}
        else:
            self.open.discard(key)
            self.taken.discard(key)

    def _refuse(self, event: dict[str, Any], size: int) -> list[str]:
        payload = event["payload"]
        checks = {
            "Invalid routing key": event["routing_key"] != self.key,
            "Length of 'event' is too large, maximum is 512000": size > 512_000,
            "'event_action' is invalid": event["event_action"] not in _ACTIONS,
            "'dedup_key' is too long": not 0 < len(event["dedup_key"]) <= 255,
            "'payload.summary' is invalid": not 0 < len(payload["summary"]) <= 1_024,
            "'payload.source' is missing or blank": not payload["source"],
            "'payload.severity' is invalid": payload["severity"] not in _SEVERITIES,
            "'links' is invalid": any(not link["href"] for link in event.get("links", ())),
            "'images' is invalid": any(not image["src"] for image in event.get("images", ())),
        }
        return [error for error, wrong in checks.items() if wrong]
