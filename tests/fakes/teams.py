"""A workflow's webhook of Teams: 202 for an Adaptive Card that is not too big."""

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

HOOK = "/workflows/0123456789abcdef/triggers/manual/paths/invoke"
SIGNATURE = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcdefg"
_CARD = "application/vnd.microsoft.card.adaptive"


@dataclass
class FakeTeams(FakeWeb):
    """One workflow. `answers` are given next, as status and text."""

    clock: Callable[[], float] = time.monotonic
    burst: int = 100
    answers: deque[tuple[int, str]] = field(default_factory=deque)
    cards: list[dict[str, Any]] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.base}{HOOK}?api-version=2016-06-01&sp=%2Ftriggers&sig={SIGNATURE}"

    @property
    def texts(self) -> list[str]:
        return ["\n\n".join(block["text"] for block in card["body"]) for card in self.cards]

    async def reply(self, request: web.Request) -> Answer:
        status, text = self.answers.popleft() if self.answers else await self._take(request)
        headers = {"Retry-After": "7"} if status == 429 else {}
        return web.Response(status=status, text=text, headers=headers)

    async def _take(self, request: web.Request) -> tuple[int, str]:
        body = await request.read()
        if request.path != HOOK or request.query.get("sig") != SIGNATURE:
            return 401, '{"error":{"code":"DirectApiAuthorizationRequired"}}'
        now = self.clock()
        self._times = [then for then in self._times if now - then < 1]
        if len(self._times) >= self.burst:
            return 429, '{"error":{"code":"TooManyRequests"}}'
        self._times.append(now)
        if len(body) > 21_000:
            return 413, "Request entity too large"
        message = json.loads(body)
        (attachment,) = message["attachments"]
        card = attachment["content"]
        if (message["type"], attachment["contentType"]) != ("message", _CARD):
            return 400, '{"error":{"code":"TriggerInputSchemaMismatch"}}'
        shown = bool(card["body"]) and all(b.get("text") or b.get("url") for b in card["body"])
        if not shown or not all(a["title"] and a["url"] for a in card["actions"]):
            return 400, '{"error":{"code":"InvalidCard"}}'
        self.cards.append(card)
        return 202, ""
