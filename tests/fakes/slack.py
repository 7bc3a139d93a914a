"""Slack's incoming webhook, its messages by a bot, and clicks, with its limits and error words."""

import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

HOOK = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"
_UPDATE, _WHO, _WHISPER = "/api/chat.update", "/api/auth.test", "/api/chat.postEphemeral"
_CHANNEL = "C0123456789"
_UPLOAD = "/upload/v1/"
_HOOK_STATUS = {"no_service": 404, "rate_limited": 429}


@dataclass
class FakeSlack(FakeWeb):
    """One workspace. `words` are errors to answer with next, whichever way a message came."""

    token: str = "xoxb-000000000000-000000000000-abcdefghijklmnopqrstuvwx"
    signing: str = "8f742231b10e8888abcd99yyyzzz85a5"
    channels: tuple[str, ...] = ("#ops",)
    burst: int = 100
    scopes: str = "chat:write,chat:write.public,files:write"
    clock: Callable[[], float] = time.monotonic
    words: deque[str] = field(default_factory=deque)
    messages: list[dict[str, Any]] = field(default_factory=list)
    standing: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the bot's messages say now, by their `ts`."""
    pictures: list[tuple[str, bytes]] = field(default_factory=list)
    """The `ts` of the message under which a picture stands, and the picture."""
    uploads: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """What is to come of a file, in bytes, and what came, by the file's id."""
    whispers: list[tuple[str, str]] = field(default_factory=list)
    """Who was told what, and nobody else."""
    _times: list[float] = field(default_factory=list)

    @property
    def hook(self) -> str:
        return self.base + HOOK

    @property
    def api(self) -> str:
        return f"{self.base}/api"

    @property
    def texts(self) -> list[str]:
        return ["\n".join(text for _, text in _texts(message)) for message in self.messages]

    async def reply(self, request: web.Request) -> Answer:
        body = await request.read()
        if request.path.startswith(("/api/files.", _UPLOAD)):
            return self._take_file(request, body)
        by_hook = not request.path.startswith("/api/")
        word = self.words.popleft() if self.words else self._refuse(request, body)
        message = json.loads(body)
        ts = message.get("ts") or f"1700000000.{len(self.standing):06}"
        if not word and request.path == _WHISPER:
            self.whispers.append((message["user"], message["text"]))
        elif not word and request.path != _WHO:
            if request.path != _UPDATE:
                self.messages.append(message)
            self.standing[ts] = message
        if word == "rate_limited":
            payload = {"retry_after": 7, "ok": False, "error": word}
            return web.json_response(payload, status=429, headers={"Retry-After": "7"})
        if by_hook:
            return web.Response(
                text=word or "ok", status=_HOOK_STATUS.get(word, 400 if word else 200)
            )
        return web.json_response(
            {"ok": False, "error": word} if word else {"ok": True, "channel": _CHANNEL, "ts": ts},
            headers={"X-OAuth-Scopes": self.scopes},
        )

    def _take_file(self, request: web.Request, body: bytes) -> Answer:
        """Reserve a place for a file, take it there, and share it in a thread."""
        if request.path.startswith(_UPLOAD):
            file = request.path.removeprefix(_UPLOAD)
            taken = file in self.uploads and self.uploads[file][0] == len(body)
            if taken:
                self.uploads[file] = len(body), body
            return web.Response(text="OK", status=200 if taken else 400)
        if self.words or request.headers.get("Authorization") != f"Bearer {self.token}":
            word = self.words.popleft() if self.words else "invalid_auth"
            return web.json_response({"ok": False, "error": word})
        if request.path.endswith("getUploadURLExternal"):
            form = dict(parse_qsl(body.decode()))
            file = f"F{len(self.uploads)}"
            self.uploads[file] = int(form["length"]), b""
            return web.json_response(
                {"ok": True, "file_id": file, "upload_url": f"{self.base}{_UPLOAD}{file}"}
            )
        said = json.loads(body)
        if said["channel_id"] != _CHANNEL or said["thread_ts"] not in self.standing:
            return web.json_response({"ok": False, "error": "channel_not_found"})
        shared = [self.uploads[each["id"]][1] for each in said["files"]]
        self.pictures += [(said["thread_ts"], picture) for picture in shared]
        return web.json_response({"ok": True, "files": said["files"]})

    def buttons(self, ts: str = "1700000000.000000") -> list[str]:
        """Return the verbs that a message offers now."""
        attached = [b for a in self.standing[ts]["attachments"] for b in a["blocks"]]
        found = [each["elements"] for each in attached if each["type"] == "actions"]
        return [button["action_id"] for elements in found for button in elements]

    def click(
        self, verb: str, user: str, incident: object = 1, **changes: Any
    ) -> tuple[bytes, dict[str, str]]:
        """Return what Slack posts for a click: body and headers."""
        action = {"type": "button", "block_id": "tocsin", "action_id": verb, "value": str(incident)}
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": "somebody"},
            "container": {"type": "message", "channel_id": _CHANNEL, "message_ts": "1.0"},
            "response_url": f"{self.base}/actions/T0/1/x",
            "actions": [action],
        }
        body = urlencode({"payload": json.dumps(payload | changes)}).encode()
        return body, self.sign(body, int(time.time()))

    def sign(self, body: bytes, stamp: int) -> dict[str, str]:
        said = f"v0:{stamp}:".encode() + body
        digest = hmac.new(self.signing.encode(), said, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": str(stamp),
            "X-Slack-Signature": f"v0={digest}",
        }

    def _refuse(self, request: web.Request, body: bytes) -> str:
        if request.path.startswith("/api/"):
            if request.headers.get("Authorization") != f"Bearer {self.token}":
                return "invalid_auth"
            if request.path == _WHO:
                return ""
            if refused := self._misplaced(request.path, json.loads(body)):
                return refused
        elif request.path != HOOK:
            return "no_service"
        now = self.clock()
        self._times = [then for then in self._times if now - then < 1]
        if len(self._times) >= self.burst:
            return "rate_limited"
        self._times.append(now)
        return refuse_message(json.loads(body))

    def _misplaced(self, path: str, message: dict[str, Any]) -> str:
        """Say what is wrong with where a message shall stand: an update wants the channel's id."""
        known = (_CHANNEL,) if path == _UPDATE else (*self.channels, _CHANNEL)
        if message.get("channel") not in known:
            return "channel_not_found"
        if path == _UPDATE:
            return "" if message.get("ts") in self.standing else "message_not_found"
        thread = message.get("thread_ts")
        return "" if thread is None or thread in self.standing else "thread_not_found"


def refuse_message(message: dict[str, Any]) -> str:
    """Return Slack's word for what is wrong with a message, or nothing."""
    texts = list(_texts(message))
    if not message.get("text") and not texts:
        return "no_text"
    if len(texts) > 50 or any(not 1 <= _length(text) <= limit for limit, text in texts):
        return "invalid_blocks"
    if sum(_length(text) for _, text in texts) > 13_200:
        return "msg_blocks_too_long"
    return "msg_too_long" if len(message.get("text", "")) > 40_000 else ""


def _texts(message: dict[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield each block's text with its limit."""
    attached = [b for a in message.get("attachments", []) for b in a.get("blocks", [])]
    for block in [*message.get("blocks", []), *attached]:
        if block["type"] == "actions":
            assert 1 <= len(block["elements"]) <= 25
            assert all(len(button["value"]) <= 2_000 for button in block["elements"])
            yield from ((75, button["text"]["text"]) for button in block["elements"])
        else:
            yield {"header": 150, "section": 3_000}[block["type"]], block["text"]["text"]


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
