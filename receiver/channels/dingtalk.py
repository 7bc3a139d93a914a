"""DingTalk's custom robot: signed at the moment of sending, and read beyond its HTTP 200.

Source of limits and codes: open.dingtalk.com, custom robots, and reports of what it answers.
"""

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any, ClassVar

from aiohttp import ClientSession
from pydantic import Field
from yarl import URL

from receiver.channels.codes import Fault
from receiver.channels.contract import Format
from receiver.channels.fitting import fit_body
from receiver.channels.robot import MOBILE, Robot, add_keyword
from receiver.model import Message, Pace
from receiver.settings import SecretFile

LONGEST_BODY = 20_000
"""Bytes of the JSON body in UTF-8; beyond it the robot answers 460101."""
_LONGEST_TITLE = 200
_PENALTY = 600.0
"""Seconds for which a robot is shut out after more than 20 messages in a minute."""


_THROTTLED = Fault("throttled", "more than 20 messages in a minute", retry_after=_PENALTY)
_TOKEN = Fault("auth", "the access token is unknown; copy the robot's URL again")
_CONTENT = Fault("rejected", "DingTalk does not allow this content", permanent=True)
_MALFORMED = Fault("rejected", "DingTalk misses a field or knows none of this name", permanent=True)
_TOO_LONG = Fault("too_long", "the message is over 20,000 bytes", permanent=True)
_UNKNOWN = Fault("unknown", "an unknown code")

FAULTS = {
    -1: Fault("server", "DingTalk is busy"),
    88: _TOKEN,
    300001: _TOKEN,
    300005: _TOKEN,
    400101: _TOKEN,
    40035: _MALFORMED,
    43004: _MALFORMED,
    400105: _MALFORMED,
    400402: _MALFORMED,
    400403: _MALFORMED,
    400013: Fault("gone", "the group was dismissed"),
    400102: Fault("gone", "the robot is switched off"),
    400106: Fault("gone", "the robot was removed from the group"),
    90030: Fault("quota", "the organisation's quota of robot messages is used up"),
    130101: _THROTTLED,
    410100: _THROTTLED,
    430101: _CONTENT,
    430102: _CONTENT,
    430103: _CONTENT,
    430104: _CONTENT,
    460101: _TOO_LONG,
    101002: _TOO_LONG,
}
# 310000 stands for four security settings; only its text, English or Chinese, tells which.
_SECURITY = 310000
_SETTINGS = {
    r"timestamp|时间戳": Fault(
        "clock", "this host's clock is more than an hour off; set it by NTP"
    ),
    r"keyword|关键词": Fault(
        "keyword", "none of the robot's keywords is in the message; set `keyword`"
    ),
    r"\bip\b|whitelist|白名单": Fault(
        "address", "this host's public address is not in the robot's list"
    ),
    r"sign|签名": Fault("auth", "the signature does not match; check `secret_file`"),
}
_TOO_OFTEN = re.compile(r"too fast|limit|频|限流", re.IGNORECASE)


def diagnose(code: int, said: str) -> Fault:
    """Classify an errcode other than 0 with its errmsg."""
    if code == _SECURITY:
        what = said.partition(";solution")[0]  # the advice names other settings too
        hits = (f for words, f in _SETTINGS.items() if re.search(words, what, re.IGNORECASE))
        return next(hits, Fault("auth", "one of the robot's security settings refuses this host"))
    return FAULTS.get(code) or (_THROTTLED if _TOO_OFTEN.search(said) else _UNKNOWN)


def sign(secret: str, timestamp: int) -> str:
    """Return the signature of a robot for a time in milliseconds; not yet URL-encoded."""
    text = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha256)).decode()


class DingTalk(Robot):
    """A custom robot of a group.

    `mention` says who is called for alerts that fire, by severity: `all`, a mobile number as
    +86-13800000000, or a user id.
    """

    format: ClassVar[Format] = "dingtalk"
    limit: ClassVar[Pace | None] = Pace(20, 60)

    secret: SecretFile | None = Field(default=None, alias="secret_file")
    keyword: str = ""

    async def send(self, message: Message, http: ClientSession) -> None:
        """Post the message as Markdown; an errcode other than 0 is a failure."""
        code, said = await self.ask(self._signed_url(), self._body(message), http)
        if code != 0:
            raise self.failure(diagnose(code, said), code, said)

    async def examine(self, http: ClientSession) -> str:
        """Send a message without a text, which the robot refuses once it knows who sends."""
        empty = json.dumps({"msgtype": "markdown", "markdown": {"title": "", "text": ""}}).encode()
        code, said = await self.ask(self._signed_url(), empty, http)
        fault = diagnose(code, said)
        known = code == 0 or fault in {_MALFORMED, _CONTENT} or fault.reason == "keyword"
        if not known:
            raise self.failure(fault, code, said)
        return "token, signature and address are accepted; only --send tells about a keyword"

    def _signed_url(self) -> URL:
        url = URL(self.url.get_secret_value())
        if self.secret is None:
            return url
        now = int(time.time() * 1000)
        # yarl encodes the signature, once; encoded before that, it would not match.
        return url.update_query(timestamp=str(now), sign=sign(self.secret.get_secret_value(), now))

    def _body(self, message: Message) -> bytes:
        return fit_body(
            message, lambda text: self._payload(message, text), LONGEST_BODY, self.language
        )

    def _payload(self, message: Message, text: str) -> dict[str, Any]:
        title, text = add_keyword(self.keyword, message.title, text)
        at, words = self._mentions(message)
        if words:  # without the word in the text nobody is called
            text = f"{text}\n\n{words}"
        return {
            "msgtype": "markdown",
            "markdown": {"title": title[:_LONGEST_TITLE], "text": text},
            "at": at,
        }

    def _mentions(self, message: Message) -> tuple[dict[str, Any], str]:
        """Return DingTalk's `at` and the same people as words for the text."""
        called = self.called(message)
        # DingTalk wants a number in China bare, and all others with their country code.
        people = [p.removeprefix("+86-") for p in called if p != "all"]
        mobiles = [p for p in people if MOBILE.fullmatch(p)]
        users = [p for p in people if p not in mobiles]
        at = {"atMobiles": mobiles, "atUserIds": users, "isAtAll": "all" in called}
        return at, " ".join(f"@{who.removeprefix('+86-')}" for who in called)
