"""Something that takes a webhook in the shape of WeCom's robot, and answers as it does."""

import json
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb


@dataclass
class FakeHook(FakeWeb):
    """`answers` are given next, in HTTP 200; then it says that all is well."""

    answers: deque[dict[str, Any]] = field(default_factory=deque)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [body["text"]["content"] for body in self.bodies]

    async def reply(self, request: web.Request) -> Answer:
        body = json.loads(await request.read())
        if self.answers:
            return web.json_response(self.answers.popleft())
        self.bodies.append(body)
        return web.json_response({"errcode": 0, "errmsg": "ok"})
