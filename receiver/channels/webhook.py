"""A plain webhook: JSON of the user's own shape, posted to anything that takes it."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

from aiohttp import ClientSession
from jinja2 import Template
from pydantic import AfterValidator, Field, PrivateAttr, model_validator
from yarl import URL

from receiver.channels.contract import Channel, Format, name_destination
from receiver.channels.fitting import fit, words_of
from receiver.channels.jsonbody import check_body, compile_body
from receiver.channels.posting import Answer, SecretUrl, is_page, post, refusal
from receiver.model import Message, Pace, SendError, Status
from receiver.settings import SecretFile
from receiver.severity import SEVERITIES

_LONGEST = 16_000
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CALL = re.compile(
    r"<(?=[@!#/a-z])|@(?=(?:all|everyone|here|channel|room|所有人)(?!\w))|@(?=\+?\d{8})|[<@]\Z",
    re.IGNORECASE,
)
_BROKEN = {"<": "\N{FULLWIDTH LESS-THAN SIGN}", "@": "\N{FULLWIDTH COMMERCIAL AT}"}
_SECRET = {"authorization", "proxy-authorization", "cookie"}

_EVERYTHING = (
    '{"title": {{ title }}, "text": {{ text }}, "status": {{ status }}, "severity": {{ severity }},'
    ' "color": {{ color }}, "key": {{ key }}, "thread": {{ thread }}}'
)


@dataclass(frozen=True, slots=True)
class Provider:
    """What a chat service allows: how many messages, and how many bytes of text in one."""

    limit: Pace
    longest: int = _LONGEST


PROVIDERS = {
    "qyapi.weixin.qq.com": Provider(Pace(20, 60), 2_048),  # WeCom's robot, text
    "open.feishu.cn": Provider(Pace(100, 60)),
    "open.larksuite.com": Provider(Pace(100, 60)),
    "oapi.dingtalk.com": Provider(Pace(20, 60)),
    "hooks.slack.com": Provider(Pace(1, 1)),
    "discord.com": Provider(Pace(30, 60), 2_000),
}
"""Services that are often reached in this plain way, by host."""

# Codes in answers. WeCom: developer.work.weixin.qq.com, error codes; Feishu and DingTalk: theirs.
_THROTTLED = {45009: 60.0, 45033: 60.0, 11232: 60.0, 130101: 600.0, 410100: 600.0}
"""Codes of too many messages, with the seconds to wait."""
_BAD_REQUEST = 9499
"""Feishu's code of a body that it cannot read and of too many, which its text tells apart."""
_GONE = {93000, 93004, 19001}
_MALFORMED = {40058, 40008, 44004, _BAD_REQUEST}


def _check_headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or not value.isprintable():
            raise ValueError(
                f"{name!r} is not a header that can be sent; write it like X-Team: ops"
            )
        if name.lower() in _SECRET:
            raise ValueError(f"{name} is a secret; write the token into a file, as token_file")
    return headers


def _check_body(source: str) -> str:
    return check_body(source, _words(_SAMPLE, 'a "text"\nof two lines'))


class Webhook(Channel):
    """POST of a JSON body; `body` is a Jinja2 template in which every value is written as JSON.

    So `{"text": {{ title }}}` needs no quotes of its own, and no alert can break out of its place.
    """

    format: ClassVar[Format] = "text"

    url: SecretUrl = Field(alias="url_file")
    token: SecretFile | None = Field(default=None, alias="token_file")
    secret: SecretFile | None = Field(default=None, alias="secret_file")
    headers: Annotated[dict[str, str], AfterValidator(_check_headers)] = Field(default_factory=dict)
    body: Annotated[str, AfterValidator(_check_body)] = _EVERYTHING
    longest: Annotated[int, Field(ge=200, le=1_000_000)] | None = None

    _template: Template = PrivateAttr()

    @model_validator(mode="after")
    def _compile_body(self) -> Self:
        self._template = compile_body(self.body)
        return self

    @property
    def _provider(self) -> Provider | None:
        return PROVIDERS.get(URL(self.url.get_secret_value()).host or "")

    @property
    def rule(self) -> Pace | None:
        """The configured pace, else that of the service if it is a known one."""
        return self.pace or (self._provider.limit if self._provider else None)

    @property
    def destination(self) -> str:
        """The URL, which is what services count by."""
        return name_destination("webhook", self.url.get_secret_value())

    async def send(self, message: Message, http: ClientSession) -> None:
        """Post the message; a 2xx is a success unless its JSON says that it is none."""
        headers = dict(self.headers)
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        body = self._write(message)
        if self.secret is not None:
            headers |= sign(self.secret.get_secret_value(), int(time.time()), body)
        answer = await post(http, URL(self.url.get_secret_value()), body, self.timeout, headers)
        objection = _objection(answer, self.clean)
        # Feishu throttles by HTTP 400, which else would be about the message.
        if objection is not None and objection.reason == "throttled":
            raise objection
        if not 200 <= answer.status < 300 or is_page(answer.text):
            raise refusal(answer, self.clean(answer.text))
        if objection is not None:
            raise objection

    def _write(self, message: Message) -> bytes:
        longest = self.longest or (self._provider.longest if self._provider else _LONGEST)
        text = fit(
            harmless(message.body),
            lambda t: len(t.encode("utf-8", "replace")) <= longest,
            self.language,
        )
        return self._template.render(_words(message, text)).encode("utf-8", "replace")


def sign(secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove who sends: an HMAC over `seconds.body`, and the seconds."""
    text = f"{timestamp}.".encode() + body
    digest = hmac.digest(secret.encode(), text, hashlib.sha256).hex()
    return {"X-Tocsin-Timestamp": str(timestamp), "X-Tocsin-Signature": f"sha256={digest}"}


def harmless(text: str) -> str:
    """Break up what chat services read as a call to people: `@all`, `<!channel>`, `<at id=...>`.

    Nobody says which service takes the body, so the words of all of them are broken, and their
    beginning at the end of a text, which another text may follow.
    """
    return _CALL.sub(lambda found: _BROKEN[found[0]], text)


def _words(message: Message, text: str) -> dict[str, str]:
    return words_of(message, harmless(message.title), text)


_SAMPLE = Message("a title", "", "", Status.FIRING, SEVERITIES["critical"], "key", "thread")


def _objection(answer: Answer, clean: Callable[[str], str]) -> SendError | None:
    """Read an answer in JSON: many services say there that they refuse, also by a 200."""
    try:
        reply = json.loads(answer.text)
    except ValueError:
        return None
    if not isinstance(reply, dict):
        return None
    code = reply.get("errcode", reply.get("code") if "msg" in reply else 0)
    if reply.get("ok") is not False and (not isinstance(code, int) or code in {0, 200}):
        return None
    said = reply.get("errmsg") or reply.get("msg") or reply.get("error") or "it says no"
    detail = clean(f"the service refuses: {said} (code {code})")
    if code == _BAD_REQUEST and "too many" in str(said).lower():
        code = 11232
    if code in _THROTTLED:
        pause = answer.retry_after or _THROTTLED[code]
        return SendError("throttled", detail, retry_after=pause)
    if code in _GONE:
        return SendError("gone", detail)
    return SendError("rejected", detail, permanent=code in _MALFORMED)
