"""DingTalk's custom robot: signed at the moment of sending, and read beyond its HTTP 200.

Source of limits: open.dingtalk.com, custom robots.
"""

import base64
import hashlib
import hmac
import json
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlencode

from aiohttp import ClientSession
from pydantic import Field, PrivateAttr, model_validator
from yarl import URL

from receiver.channels.buttons import lift
from receiver.channels.contract import Draft, Format, name_destination
from receiver.channels.dingfaults import CONTENT, MALFORMED, diagnose
from receiver.channels.fitting import fit_body
from receiver.channels.posting import SecretUrl
from receiver.channels.robot import MOBILE, Robot, add_keyword, call_nobody
from receiver.channels.rota import Rota
from receiver.model import Language, Message, Pace, SendError
from receiver.settings import SecretFile, Section

_LOG = logging.getLogger(__name__)

LONGEST_BODY = 20_000
"""Bytes of the JSON body in UTF-8; beyond it the robot answers 460101."""
_LONGEST_TITLE = 200
_MOST_BUTTONS = 10
_REFUSED = {
    Language.EN: "DingTalk did not allow the rest of this message.",
    Language.ZH: "钉钉不允许发送此消息的其余内容。",
}
_PACE = Pace(20, 60)
_REST = 60.0
"""Seconds for which a robot is left alone that somebody has to mend, while others take over."""
_ITS_OWN = {"throttled", "quota", "gone", "auth", "address", "keyword"}
"""Refusals that are about one robot: the next one may take the message."""


def sign(secret: str, timestamp: int) -> str:
    """Return the signature of a robot for a time in milliseconds; not yet URL-encoded."""
    text = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.digest(secret.encode(), text, hashlib.sha256)).decode()


class Spare(Section):
    """A further robot of the same group."""

    url: SecretUrl = Field(alias="url_file")
    secret: SecretFile | None = Field(default=None, alias="secret_file")


class DingTalk(Robot):
    """A custom robot of a group, and others of that group which take over from it.

    `mention` and `mention_by` say who is called: `all`, a mobile number as +86-13800000000, or a
    user id. A card calls nobody, so what calls somebody is sent as Markdown in its place.
    """

    format: ClassVar[Format] = "dingtalk"
    limit: ClassVar[Pace | None] = _PACE
    ways: ClassVar[tuple[str, ...]] = ("dingtalk", "mobile")

    secret: SecretFile | None = Field(default=None, alias="secret_file")
    keyword: str = ""
    style: Literal["markdown", "text", "actionCard"] = "markdown"
    overflow: Annotated[tuple[Spare, ...], Field(max_length=19)] = ()

    _rota: Rota = PrivateAttr()

    @model_validator(mode="after")
    def _line_up(self) -> Self:
        urls = [robot.url.get_secret_value() for robot in self.robots]
        if len(set(urls)) < len(urls):
            raise ValueError("overflow: the same robot twice; each needs a URL of its own")
        self._rota = Rota(len(urls), _PACE)
        return self

    @property
    def written(self) -> Format:
        """A text has no markup."""
        return "text" if self.style == "text" else self.format

    @property
    def robots(self) -> "Sequence[DingTalk | Spare]":
        """All robots of the pool."""
        return (self, *self.overflow)

    @property
    def rule(self) -> Pace | None:
        """The configured pace, else what all robots together are allowed."""
        return self.pace or Pace(_PACE.count * len(self.robots), _PACE.period)

    @property
    def destination(self) -> str:
        """All robots: the pool has one pace."""
        return name_destination(self.type, *(r.url.get_secret_value() for r in self.robots))

    async def send(self, message: Message, http: ClientSession) -> None:
        """Post the message, or its title alone where DingTalk does not allow what it says."""
        try:
            await self._offer(self._body(message), http)
        except SendError as error:
            if error.reason != CONTENT.reason:
                raise
            left = _REFUSED[self.language or Language.EN]
            await self._offer(self._body(replace(message, body=left, links=())), http)

    async def _offer(self, body: bytes, http: ClientSession) -> None:
        """Post by the first robot that takes it; an errcode other than 0 is none.

        After a timeout no other is asked: the message may have arrived.
        """
        if not self.overflow:
            return await self._post(self, body, http)
        for number in self._rota.ready(time.monotonic()):
            try:
                await self._post(self.robots[number], body, http)
            except SendError as error:
                if error.reason not in _ITS_OWN:
                    raise
                self._relieve(number, error)
            else:
                return self._rota.sent(number, time.monotonic())
        raise self._rota.refusal(time.monotonic())

    def _relieve(self, number: int, error: SendError) -> None:
        _LOG.warning("robot %d of %d rests: %s", number + 1, len(self.robots), error)
        self._rota.rest(number, time.monotonic() + (error.retry_after or _REST), error)

    async def _post(self, robot: "DingTalk | Spare", body: bytes, http: ClientSession) -> None:
        code, said = await self.ask(signed_url(robot), body, http)
        if code != 0:
            raise self.failure(diagnose(code, said), code, said)

    async def examine(self, http: ClientSession) -> str:
        """Send by each robot a message without a text, which is refused once it knows who sends."""
        empty = json.dumps({"msgtype": "markdown", "markdown": {"title": "", "text": ""}}).encode()
        for robot in self.robots:
            code, said = await self.ask(signed_url(robot), empty, http)
            fault = diagnose(code, said)
            known = code == 0 or fault in {MALFORMED, CONTENT} or fault.reason == "keyword"
            if not known:
                raise self.failure(fault, code, said)
        return "token, signature and address are accepted; only --send tells about a keyword"

    def draft(self, message: Message) -> Draft:
        """Return it with the keyword and those who are called, cut, and with a card's buttons."""
        said = json.loads(self._body(message))
        said = said[said["msgtype"]]
        text = said.get("text") or said["content"].partition("\n\n")[2]
        title = said.get("title") or said["content"].partition("\n\n")[0]
        card = "btns" in said
        return Draft(title, text, lift(message, _MOST_BUTTONS).links if card else ())

    def _body(self, message: Message) -> bytes:
        if self._is_card(message):
            message = lift(message, _MOST_BUTTONS)
        return fit_body(
            message, lambda text: self._payload(message, text), LONGEST_BODY, self.language
        )

    def _is_card(self, message: Message) -> bool:
        """Whether it is a card: that needs a button, and calls nobody."""
        return self.style == "actionCard" and bool(message.links) and not self.called(message)

    def _payload(self, message: Message, text: str) -> dict[str, Any]:
        plain = self.style == "text"  # which has title and text in one
        text = _uncalled(message, text) if plain else text
        title, more = add_keyword(self.keyword, call_nobody(message.title), text)
        title, text = title[:_LONGEST_TITLE], text if plain else more
        if self._is_card(message):
            buttons = [{"title": words, "actionURL": in_browser(to)} for words, to in message.links]
            card = {"title": title, "text": text, "btnOrientation": "0", "btns": buttons}
            return {"msgtype": "actionCard", "actionCard": card}
        at, words = self._mentions(message)
        if words:  # without the word in the text nobody is called
            text = f"{text}\n\n{words}"
        if plain:
            return {"msgtype": "text", "text": {"content": f"{title}\n\n{text}"}, "at": at}
        return {"msgtype": "markdown", "markdown": {"title": title, "text": text}, "at": at}

    def _mentions(self, message: Message) -> tuple[dict[str, Any], str]:
        """Return DingTalk's `at` and the same people as words for the text."""
        called = self.called(message)
        # DingTalk wants a number in China bare, and all others with their country code.
        people = [p.removeprefix("+86-") for p in called if p != "all"]
        mobiles = [p for p in people if MOBILE.fullmatch(p)]
        users = [p for p in people if p not in mobiles]
        at = {"atMobiles": mobiles, "atUserIds": users, "isAtAll": "all" in called}
        return at, " ".join(f"@{who.removeprefix('+86-')}" for who in called)


def _uncalled(message: Message, text: str) -> str:
    """Return a text without markup such that it calls nobody; its links stay as they are.

    The documents say that only `at` beside a text calls people; should a client make calls of what
    stands in it, an alert must not.
    """
    urls = "|".join(re.escape(url) for _, url in message.links)
    pieces = re.split(f"({urls})", text) if urls else [text]
    pieces[::2] = map(call_nobody, pieces[::2])
    return "".join(pieces)


def signed_url(robot: DingTalk | Spare) -> URL:
    """Return where a robot takes a message now."""
    url = URL(robot.url.get_secret_value())
    if robot.secret is None:
        return url
    now = int(time.time() * 1000)
    # yarl encodes the signature, once; encoded before that, it would not match.
    return url.update_query(timestamp=str(now), sign=sign(robot.secret.get_secret_value(), now))


def in_browser(url: str) -> str:
    """Return an address that opens in the browser, where people are logged in.

    On a desktop DingTalk would show the page in a narrow bar at the side.
    """
    return f"dingtalk://dingtalkclient/page/link?{urlencode({'url': url, 'pc_slide': 'false'})}"
