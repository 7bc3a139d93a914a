"""Telegram's Bot API: it reads the HTML, counts what is left, and refuses as the real one does."""

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
_TAGS = {"b", "i", "u", "s", "a", "code", "pre", "blockquote"}


class _Reader(HTMLParser):
    """Collects the text; `wrong` is the first thing that Telegram would not read."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.wrong = "", ""
        self.links: list[str] = []
        self._opened: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.wrong = self.wrong or f'Unsupported start tag "{tag}"'
        self.links += [value or "" for name, value in attrs if name == "href"]
        self._opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._opened or self._opened.pop() != tag:
            self.wrong = self.wrong or f'Unmatched end tag "{tag}"'

    def handle_data(self, data: str) -> None:
        self.text += data

    def finish(self) -> None:
        if self.rawdata or self._opened:
            self.wrong = self.wrong or "Can't find end tag"
        self.close()


def read(html: str) -> _Reader:
    """Read a message as Telegram does."""
    reader = _Reader()
    reader.feed(html)
    reader.finish()
    return reader


@dataclass
class FakeTelegram(FakeWeb):
    """One bot. `messages` are those that people saw; `errors` are given next."""

    chats: tuple[str, ...] = ("-1001234567890", "@ops_alerts")
    clock: Callable[[], float] = time.time
    errors: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [read(message["text"]).text for message in self.messages]

    @property
    def links(self) -> list[str]:
        return [link for message in self.messages for link in read(message["text"]).links]

    async def reply(self, request: web.Request) -> Answer:
        error = self.errors.pop(0) if self.errors else self._refuse(request, await request.json())
        if error:
            return web.json_response({"ok": False, **error}, status=error["error_code"])
        if request.path.endswith("/sendMessage"):
            self.messages.append(json.loads(await request.read()))
        return web.json_response({"ok": True, "result": {"message_id": len(self.messages)}})

    def _refuse(self, request: web.Request, message: dict[str, Any]) -> dict[str, Any]:
        if not request.path.startswith(f"/bot{TOKEN}/"):
            return {"error_code": 401, "description": "Unauthorized"}
        if message.get("chat_id") not in self.chats:
            return {"error_code": 400, "description": "Bad Request: chat not found"}
        if not request.path.endswith("/sendMessage"):
            return {}
        return (
            self._refuse_rate()
            or _refuse_text(message["text"])
            or _refuse_keyboard(message.get("reply_markup", {}).get("inline_keyboard", []))
        )

    def _refuse_rate(self) -> dict[str, Any]:
        now = self.clock()
        self._times = [then for then in self._times if now - then < 60]
        if len(self._times) >= 20:
            said = "Too Many Requests: retry after 34"
            return {"error_code": 429, "description": said, "parameters": {"retry_after": 34}}
        self._times.append(now)
        return {}


def _refuse_keyboard(rows: list[list[dict[str, str]]]) -> dict[str, Any]:
    for button in itertools.chain(*rows):
        host = urlsplit(button["url"]).hostname or ""
        if not button["text"] or "." not in host or host.endswith(".invalid"):
            said = f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL"
            return {"error_code": 400, "description": f"Bad Request: {said}"}
    return {}


def _refuse_text(text: str) -> dict[str, Any]:
    said = ""
    seen = read(text)
    if seen.wrong:
        said = f"can't parse entities: {seen.wrong}"
    elif not seen.text.strip():
        said = "message text is empty"
    elif len(seen.text.encode("utf-16-le")) // 2 > 4_096:
        said = "message is too long"
    return {"error_code": 400, "description": f"Bad Request: {said}"} if said else {}
