"""A custom robot of Feishu that enforces what the real one does, with its real answers."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

HOOK = "/open-apis/bot/v2/hook/01234567-89ab-cdef-0123-456789abcdef"


@dataclass
class FakeFeishu(FakeWeb):
    """One robot. `cards` are those that people saw; `clock` is Feishu's, in seconds."""

    secret: str = "feishusecret"
    keywords: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    clock: Callable[[], float] = time.time
    cards: list[dict[str, Any]] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.base + HOOK

    @property
    def texts(self) -> list[str]:
        return [card["elements"][0]["content"] for card in self.cards]

    async def reply(self, request: web.Request) -> Answer:
        body = await request.read()
        status, code, said = self._refuse(request, body) or (200, 0, "success")
        if not code:
            self.cards.append(json.loads(body)["card"])
        return web.json_response({"code": code, "data": {}, "msg": said}, status=status)

    def _refuse(self, request: web.Request, body: bytes) -> tuple[int, int, str] | None:
        if request.path != HOOK:
            return 200, 19001, "param invalid: incoming webhook access token invalid"
        if len(body) > 20 * 1024 or request.content_type != "application/json":
            return 400, 9499, "Bad Request"
        message = json.loads(body)
        return self._refuse_sender(request, message) or self._refuse_message(message)

    def _refuse_sender(
        self, request: web.Request, message: dict[str, Any]
    ) -> tuple[int, int, str] | None:
        if self.addresses and request.remote not in self.addresses:
            return 200, 19022, "Ip Not Allowed"
        if not self.secret:
            return None
        stamp = message.get("timestamp", "")
        key = f"{stamp}\n{self.secret}".encode()
        expected = base64.b64encode(hmac.digest(key, b"", hashlib.sha256)).decode()
        late = not stamp.isdecimal() or abs(int(stamp) - self.clock()) > 3600
        if late or message.get("sign") != expected:
            said = "sign match fail or timestamp is not within one hour from current time"
            return 200, 19021, said
        return None

    def _refuse_message(self, message: dict[str, Any]) -> tuple[int, int, str] | None:
        if message.get("msg_type") != "interactive" or not message["card"]["elements"]:
            return 200, 19002, "params error, msg_type need"
        for block in message["card"]["elements"][1:]:
            if not all(button["url"] and button["text"]["content"] for button in block["actions"]):
                return 200, 11246, "invalid button"
        words = json.dumps(message["card"], ensure_ascii=False)
        if self.keywords and not any(word in words for word in self.keywords):
            return 200, 19024, "Key Words Not Found"
        now = self.clock()
        self._times = [then for then in self._times if now - then < 60]
        if len(self._times) >= 100 or sum(now - then < 1 for then in self._times) >= 5:
            return 400, 9499, "too many request"
        self._times.append(now)
        return None
