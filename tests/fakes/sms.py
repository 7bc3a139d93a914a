"""Aliyun's SendSms, Twilio's Messages, and a service that takes a number and a text as JSON."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote

from aiohttp import web

from tests.fakes.web import Answer, FakeWeb

KEY = "LTAI5tExampleKey"
SECRET = "an-access-key-secret"
SID = "AC0123456789abcdef0123456789abcdef"


@dataclass
class FakeSms(FakeWeb):
    """`sent` are numbers with what they got; `codes` are given next, in the provider's way."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    codes: list[Any] = field(default_factory=list)
    longest: int = 500

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.sent]

    async def reply(self, request: web.Request) -> Answer:
        if "x-acs-action" in request.headers:
            return self._as_aliyun(request)
        if request.path.startswith("/2010-04-01/"):
            return await self._as_twilio(request)
        said = await request.json()
        self.sent.append((said["to"], said["text"]))
        return web.json_response({"id": len(self.sent)})

    def _as_aliyun(self, request: web.Request) -> Answer:
        code = self.codes.pop(0) if self.codes else self._refuse_aliyun(request)
        if not code:
            (text,) = json.loads(request.query["TemplateParam"]).values()
            self.sent.append((request.query["PhoneNumbers"], text))
        status = 400 if code in {"SignatureDoesNotMatch", "InvalidTimeStamp.Expired"} else 200
        return web.json_response({"Code": code or "OK", "Message": "said"}, status=status)

    def _refuse_aliyun(self, request: web.Request) -> str:
        date = datetime.fromisoformat(request.headers["x-acs-date"])
        if abs((datetime.now(UTC) - date).total_seconds()) > 900:
            return "InvalidTimeStamp.Expired"
        if request.headers["Authorization"] != _aliyun(request):
            return "SignatureDoesNotMatch"
        values = json.loads(request.query["TemplateParam"]).values()
        if any(len(value.encode("utf-16-le")) // 2 > self.longest for value in values):
            return "isv.PARAM_LENGTH_LIMIT"
        return "isv.SMS_CONTENT_ILLEGAL" if any("【" in value for value in values) else ""

    async def _as_twilio(self, request: web.Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        login = base64.b64encode(f"{SID}:{SECRET}".encode()).decode()
        code = self.codes.pop(0) if self.codes else 0
        if request.headers.get("Authorization") != f"Basic {login}":
            code = 20003
        elif len(form["Body"]) > 1_600:
            code = 21617
        if code:
            status = {20003: 401, 20429: 429}.get(code, 400)
            said = {"code": code, "message": "no", "status": status}
            return web.json_response(said, status=status)
        self.sent.append((form["To"], form["Body"]))
        return web.json_response({"sid": "SM0", "status": "queued"}, status=201)


def _aliyun(request: web.Request) -> str:
    """Sign again what was signed: written from the documents, and apart from the channel."""
    names = request.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0]
    pairs = sorted(request.query.items())
    query = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in pairs)
    headers = "".join(f"{name}:{request.headers[name]}\n" for name in names.split(";"))
    content = hashlib.sha256(b"").hexdigest()
    asked = f"POST\n/\n{query}\n{headers}\n{names}\n{content}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(asked.encode()).hexdigest()}"
    signature = hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={KEY},SignedHeaders={names},Signature={signature}"
