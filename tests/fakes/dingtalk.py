"""A custom robot of DingTalk that enforces what the real one does, with its real answers."""

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

_FIELDS = {
    "markdown": (("title", 400402), ("text", 400403)),
    "text": (("content", 400403),),
    "actionCard": (("title", 40035), ("text", 40035), ("btns", 40035)),
}
_TEXT = {"markdown": "text", "text": "content", "actionCard": "text"}


@dataclass
class FakeDingTalk(FakeWeb):
    """One robot. `messages` are those that people saw; `clock` is DingTalk's, in seconds."""

    token: str = "0123456789abcdef" * 4
    secret: str = "SECtest0000000000000000000000000000000000000000000000000000000000"
    keywords: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    clock: Callable[[], float] = time.time
    messages: list[dict[str, Any]] = field(default_factory=list)
    errors: list[int] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _shut_until: float = 0.0

    @property
    def url(self) -> str:
        return f"{self.base}/robot/send?access_token={self.token}"

    @property
    def texts(self) -> list[str]:
        kinds = [message["msgtype"] for message in self.messages]
        return [m[kind][_TEXT[kind]] for m, kind in zip(self.messages, kinds, strict=True)]

    async def reply(self, request: web.Request) -> Answer:
        body = await request.read()
        code, said = self._refuse(request, body)
        if code:
            self.errors.append(code)
        else:
            self.messages.append(json.loads(body))
        return web.json_response({"errcode": code, "errmsg": said})

    def _refuse(self, request: web.Request, body: bytes) -> tuple[int, str]:
        if request.path != "/robot/send" or request.query.get("access_token") != self.token:
            return 300005, "token is not exist"
        if request.content_type != "application/json":
            return 43004, "invalid content-type"
        return self._refuse_sender(request) or self._refuse_message(body) or self._refuse_rate()

    def _refuse_sender(self, request: web.Request) -> tuple[int, str] | None:
        if self.addresses and request.remote not in self.addresses:
            return 310000, f"description:ip {request.remote} not in whitelist"
        if not self.secret:
            return None
        stamp = request.query.get("timestamp", "")
        if not stamp.isdecimal() or abs(int(stamp) / 1000 - self.clock()) > 3600:
            return 310000, "description:invalid timestamp;solution:请检查机器时间"
        text = f"{stamp}\n{self.secret}".encode()
        expected = base64.b64encode(hmac.digest(self.secret.encode(), text, hashlib.sha256))
        if request.query.get("sign", "").encode() != expected:
            return 310000, "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳"
        return None

    def _refuse_message(self, body: bytes) -> tuple[int, str] | None:
        if len(body) > 20_000:
            return 460101, "message too long, exceed 20000 bytes"
        message = json.loads(body)
        kind = message.get("msgtype")
        if kind not in _FIELDS:
            return 400105, "unsupported msgtype"
        for name, code in _FIELDS[kind]:
            if not message.get(kind, {}).get(name):
                return code, f"miss param: {kind}->{name}"
        buttons = message[kind].get("btns", ())
        if not all(button.get("title") and button.get("actionURL") for button in buttons):
            return 40035, "缺少参数 btns"
        return self._refuse_words(json.dumps(message[kind], ensure_ascii=False))

    def _refuse_words(self, words: str) -> tuple[int, str] | None:
        if self.keywords and not any(word in words for word in self.keywords):
            return 310000, "description:关键词不匹配;solution:keywords not in content"
        if any(word in words for word in self.forbidden):
            return 430104, "消息内容不合适"
        return None

    def _refuse_rate(self) -> tuple[int, str]:
        """Take 20 messages a minute; one more shuts the robot out for ten minutes."""
        now = self.clock()
        if now < self._shut_until:
            return 410100, "发送速度太快而限流"
        self._times = [then for then in self._times if now - then < 60]
        if len(self._times) >= 20:
            self._shut_until = now + 600
            return 130101, "send too fast, exceed 20 times per minute"
        self._times.append(now)
        return 0, "ok"
