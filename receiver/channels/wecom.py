"""WeCom's robot of a group: Markdown, and a short text after it where that cannot call people.

Source of limits and codes: developer.work.weixin.qq.com, group robots and global error codes.
"""

import json
from typing import Any, ClassVar

from aiohttp import ClientSession
from yarl import URL

from receiver.channels.codes import Fault
from receiver.channels.contract import Draft, Format
from receiver.channels.fitting import first_units, fit
from receiver.channels.robot import MOBILE, Robot
from receiver.model import Message, Pace

LONGEST = 4_096
"""Bytes of Markdown in UTF-8."""
_LONGEST_LINE = 1_000
_LONGEST_CALL = 500
_PAUSE = 60.0

_THROTTLED = Fault("throttled", "more than 20 messages in a minute", False, _PAUSE)
_ADDRESS = Fault("gone", "no robot has this address; copy its URL again")
_MALFORMED = Fault("rejected", "WeCom cannot read the message", permanent=True)
_UNKNOWN = Fault("unknown", "an unknown code")

FAULTS = {
    -1: Fault("server", "WeCom is busy"),
    40008: _MALFORMED,
    40058: Fault(
        "too_long", "the message is over 4,096 bytes, or a field is wrong", permanent=True
    ),
    44004: _MALFORMED,
    45002: Fault("too_long", "the message is over 4,096 bytes", permanent=True),
    45009: _THROTTLED,
    45033: _THROTTLED,
    93000: _ADDRESS,
    93004: Fault("gone", "the robot was switched off"),
    93008: Fault("gone", "the robot is not in the group"),
}


class WeCom(Robot):
    """A robot of a group; `mention` knows `all`, mobile numbers as +86-13800000000, and user ids.

    Markdown calls people by their id alone, so all others are called by a second message.
    """

    format: ClassVar[Format] = "wecom"
    limit: ClassVar[Pace | None] = Pace(20, 60)

    @property
    def rule(self) -> Pace | None:
        """Half of what is allowed where a message may be two."""
        mentions = (self.mention, *self.mention_by.values())
        twice = any(_by_text(called) for mention in mentions for called in mention.values())
        return self.pace or (Pace(10, 60) if twice else self.limit)

    async def send(self, message: Message, http: ClientSession) -> None:
        """Post the message, then call those whom it cannot; only errcode 0 is a success."""
        await self._post(
            {"msgtype": "markdown", "markdown": {"content": self._text(message)}}, http
        )
        if others := _by_text(self.called(message)):
            await self._post({"msgtype": "text", "text": _call(message.title, others)}, http)

    def draft(self, message: Message) -> Draft:
        """Return it with those who are called, also by the short text after it, and cut."""
        others = " ".join(f"@{who}" for who in _by_text(self.called(message)))
        return Draft(message.title, "\n\n".join(filter(None, [self._text(message), others])))

    def _text(self, message: Message) -> str:
        by_id = "".join(f"<@{who}>" for who in self.called(message) if not _by_text([who]))
        tail = f"\n\n{by_id}" if by_id else ""
        text = fit(message.body, lambda text: _fits(text + tail), self.language, _LONGEST_LINE)
        return text + tail

    async def _post(self, payload: dict[str, Any], http: ClientSession) -> None:
        body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
        code, said = await self.ask(URL(self.url.get_secret_value()), body, http)
        if code != 0:
            raise self.failure(FAULTS.get(code, _UNKNOWN), code, said)


def _fits(text: str) -> bool:
    return len(text.encode("utf-8", "replace")) <= LONGEST


def _by_text(called: tuple[str, ...] | list[str]) -> list[str]:
    """Return those whom Markdown cannot call."""
    return [who for who in called if who == "all" or MOBILE.fullmatch(who)]


def _call(title: str, called: list[str]) -> dict[str, Any]:
    numbers = [who.removeprefix("+86-") for who in called if who != "all"]
    everybody = ["@all"] if "all" in called else []
    return {
        "content": first_units(title, _LONGEST_CALL),
        "mentioned_list": everybody,
        "mentioned_mobile_list": numbers,
    }
