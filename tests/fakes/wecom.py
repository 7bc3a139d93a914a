"""A group's robot of WeCom that enforces what the real one does: HTTP 200, whatever it thinks."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

_LONGEST = {"markdown": 4_096, "text": 2_048}


@dataclass
class FakeWeCom(FakeWeb):
    """One robot. `messages` are those that people saw; `clock` is WeCom's, in seconds."""

    key: str = "693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa"
    clock: Callable[[], float] = time.time
    messages: list[dict[str, Any]] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.base}/cgi-bin/webhook/send?key={self.key}"

    @property
    def texts(self) -> list[str]:
        return [m["markdown"]["content"] for m in self.messages if m["msgtype"] == "markdown"]

    async def reply(self, request: web.Request) -> Answer:
        body = await request.read()
        code, said = self._refuse(request, body)
        if not code:
            self.messages.append(json.loads(body))
        return web.json_response({"errcode": code, "errmsg": said})

    def _refuse(self, request: web.Request, body: bytes) -> tuple[int, str]:
        if request.path != "/cgi-bin/webhook/send" or request.query.get("key") != self.key:
            return 93000, "invalid webhook url, hint: [0]"
        message = json.loads(body)
        kind = message.get("msgtype")
        if kind not in _LONGEST:
            return 40008, "invalid message type"
        content = message[kind].get("content", "")
        if not content:
            return 44004, "empty content"
        if len(content.encode()) > _LONGEST[kind]:
            return 40058, f"{kind}.content exceed max length {_LONGEST[kind]}."
        now = self.clock()
        self._times = [then for then in self._times if now - then < 60]
        if len(self._times) >= 20:
            return 45009, "api freq out of limit"
        self._times.append(now)
        return 0, "ok"
