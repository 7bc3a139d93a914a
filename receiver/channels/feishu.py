"""Feishu's custom robot, and Lark's, which is the same abroad: a signed card.

Source of limits and codes: open.feishu.cn, custom bots: 20 KB, 100 messages a minute and 5 a
second, and the codes of its security settings.
"""

import base64
import hashlib
import hmac
import json
import time
from typing import Any, ClassVar

from aiohttp import ClientSession
from pydantic import Field
from yarl import URL

from receiver.channels.buttons import lift
from receiver.channels.codes import Fault
from receiver.channels.contract import Draft, Format
from receiver.channels.fitting import first_units, fit_body
from receiver.channels.robot import Robot, add_keyword
from receiver.model import Message, Pace, Status
from receiver.settings import SecretFile

LONGEST_BODY = 20_000
_LONGEST_TITLE = 200
_MOST_BUTTONS = 10
_PAUSE = 60.0

# The colours that a card's head can have, for our severities.
_COLORS = {
    **dict.fromkeys(("critical",), "red"),
    **dict.fromkeys(("high", "error"), "orange"),
    **dict.fromkeys(("warning", "medium"), "yellow"),
    **dict.fromkeys(("low", "info"), "blue"),
}

_THROTTLED = Fault(
    "throttled", "more than 100 messages in a minute or 5 in a second", False, _PAUSE
)
_MALFORMED = Fault("rejected", "Feishu cannot read the message", permanent=True)
_GONE = Fault("gone", "no robot has this address; copy its URL again")
_UNKNOWN = Fault("unknown", "an unknown code")

FAULTS = {
    9499: _MALFORMED,
    19001: _GONE,
    19002: _MALFORMED,
    19021: Fault(
        "auth",
        "the signature does not match: check `secret_file`, or this host's clock is more than an"
        " hour off: set it by NTP",
    ),
    19022: Fault("address", "this host's public address is not in the robot's list"),
    19024: Fault("keyword", "none of the robot's keywords is in the message; set `keyword`"),
    11232: _THROTTLED,
    99991400: _THROTTLED,
}


def diagnose(code: int, said: str) -> Fault:
    """Classify a code other than 0 with its msg."""
    if code == 9499 and "too many" in said.lower():  # the code of a body it cannot read, too
        return _THROTTLED
    return FAULTS.get(code, _UNKNOWN)


def sign(secret: str, timestamp: int) -> str:
    """Return the signature for a time in seconds: the other way round than DingTalk's."""
    key = f"{timestamp}\n{secret}".encode()
    return base64.b64encode(hmac.digest(key, b"", hashlib.sha256)).decode()


class Feishu(Robot):
    """A custom robot of a group; `mention` knows `all` and ids of people, such as ou_1234."""

    format: ClassVar[Format] = "feishu"
    limit: ClassVar[Pace | None] = Pace(16, 10)  # its bucket keeps both rules
    words: ClassVar[tuple[str, str]] = ("code", "msg")
    ways: ClassVar[tuple[str, ...]] = ("feishu",)  # it knows people by ids that are its own

    secret: SecretFile | None = Field(default=None, alias="secret_file")
    keyword: str = ""

    async def send(self, message: Message, http: ClientSession) -> None:
        """Post the message as a card; a code other than 0 is a failure."""
        url = URL(self.url.get_secret_value())
        code, said = await self.ask(url, self._body(message), http)
        if code != 0:
            raise self.failure(diagnose(code, said), code, said)

    def draft(self, message: Message) -> Draft:
        """Return it with the keyword and those who are called, cut, and with the buttons."""
        card = json.loads(self._body(message))["card"]
        title, text = card["header"]["title"]["content"], card["elements"][0]["content"]
        return Draft(title, text, lift(message, _MOST_BUTTONS).links)

    def _body(self, message: Message) -> bytes:
        message = lift(message, _MOST_BUTTONS)
        return fit_body(
            message, lambda text: self._payload(message, text), LONGEST_BODY, self.language
        )

    def _payload(self, message: Message, text: str) -> dict[str, Any]:
        title, text = add_keyword(self.keyword, message.title, text)
        if called := self.called(message):
            text += "\n\n" + "".join(f"<at id={who}></at>" for who in called)
        return {**self._signature(), "msg_type": "interactive", "card": _card(message, title, text)}

    def _signature(self) -> dict[str, str]:
        if self.secret is None:
            return {}
        now = int(time.time())
        return {"timestamp": str(now), "sign": sign(self.secret.get_secret_value(), now)}


def _card(message: Message, title: str, text: str) -> dict[str, Any]:
    over = message.status is Status.RESOLVED
    heading = {"tag": "plain_text", "content": first_units(title, _LONGEST_TITLE)}
    color = "green" if over else _COLORS.get(message.severity.name, "grey")
    return {
        "config": {"wide_screen_mode": True},
        "header": {"template": color, "title": heading},
        "elements": [{"tag": "markdown", "content": text}, *_buttons(message)],
    }


def _buttons(message: Message) -> list[dict[str, Any]]:
    buttons = [
        {"tag": "button", "text": {"tag": "plain_text", "content": words}, "url": url}
        for words, url in message.links
    ]
    return [{"tag": "action", "layout": "flow", "actions": buttons}] if buttons else []
