"""A bot of Telegram in a chat, group or channel.

Sources: core.telegram.org/bots/api, sendMessage and ResponseParameters, and its FAQ: 20 messages
a minute in a group; 4,096 UTF-16 units of what is left once the markup is read.
"""

import json
import re
from dataclasses import replace
from html import escape, unescape
from typing import Annotated, Any, ClassVar

from aiohttp import ClientSession
from pydantic import AfterValidator, Field
from yarl import URL

from receiver.channels.buttons import lift
from receiver.channels.codes import Fault
from receiver.channels.contract import Channel, Draft, Format, name_destination
from receiver.channels.fitting import first_units, fit, units
from receiver.channels.posting import Answer, check_url, post, refusal
from receiver.model import Message, Pace, SendError
from receiver.settings import SecretFile

LONGEST = 4_096
_LONGEST_LINE = 3_000
_PAUSE = 30.0
_MOST_BUTTONS = 10

_PLACE = re.compile(r"-?\d+|@\w+")
_TAG = re.compile(r"<[^>]*>")
_PARTIAL = re.compile(r"(<[^>]*|&[^;\s]{0,8})$")
_OPENED = re.compile(r"<(/?)([ab])\b[^>]*>")

_TOKEN = Fault("auth", "no bot has this token; ask @BotFather for it")
_WRONG_CHAT = Fault("gone", "check `chat`, `topic` and the bot's rights there")
_TOO_LONG = Fault("too_long", "the message is over 4,096 characters", permanent=True)
_MALFORMED = Fault("rejected", "Telegram cannot read the message", permanent=True)
_UNKNOWN = Fault("server", "an unknown error")
FAULTS = {
    401: _TOKEN,
    404: _TOKEN,
    403: Fault("gone", "the bot was blocked or is not in the chat; add it there again"),
}
# Texts of a 400 that are about the chat, and so for a person to mend: the message is all right.
_CHAT = re.compile(r"chat|rights|thread|topic|forbidden|peer", re.IGNORECASE)


def _check_chat(text: str) -> str:
    if not _PLACE.fullmatch(text):
        raise ValueError(
            f"not a chat: {text!r:.40}; write its number, like -1001234567890, or its @name"
        )
    return text


class Telegram(Channel):
    """`chat` is a chat's number or a channel's @name; `topic` is one of a forum's."""

    format: ClassVar[Format] = "telegram"
    limit: ClassVar[Pace | None] = Pace(20, 60)

    token: SecretFile = Field(alias="token_file")
    chat: Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_check_chat)]
    topic: int | None = None
    api_url: Annotated[str, AfterValidator(check_url)] = "https://api.telegram.org"

    @property
    def destination(self) -> str:
        """The bot in this chat."""
        return name_destination("telegram", self.api_url, self.token.get_secret_value(), self.chat)

    async def send(self, message: Message, http: ClientSession) -> None:
        """Post the message, without a sound where it calls nobody; anything but ok is a failure.

        Where an address is not to Telegram's taste, its links are in the text instead.
        """
        lifted = _lift(message)
        try:
            await self._say(lifted, http)
        except SendError as error:
            if not (lifted.links and "button" in error.detail.lower()):
                raise
            await self._say(replace(message, links=()), http)

    async def _say(self, message: Message, http: ClientSession) -> None:
        payload: dict[str, Any] = {
            "chat_id": self.chat,
            "text": self._text(message),
            "parse_mode": "HTML",
            "link_preview_options": _preview(message.link),
            "disable_notification": not message.calls,
        }
        if message.links:
            rows = [[{"text": words, "url": url}] for words, url in message.links]
            payload["reply_markup"] = {"inline_keyboard": rows}
        if self.topic is not None:
            payload["message_thread_id"] = self.topic
        await self._call("sendMessage", payload, http)

    def draft(self, message: Message) -> Draft:
        """Return it without what does not fit, and with the buttons."""
        lifted = _lift(message)
        return Draft(message.title, self._text(lifted), lifted.links)

    def _text(self, message: Message) -> str:
        tail = _calls(message)
        text = fit(message.body, lambda text: _fits(text + tail), self.language, shorten=shorten)
        return text + tail

    async def examine(self, http: ClientSession) -> str:
        """Ask for the chat, which only a known bot that is in it may see."""
        await self._call("getChat", {"chat_id": self.chat}, http)
        return "the bot knows the chat; only --send tells whether it may write there"

    async def _call(self, method: str, payload: dict[str, Any], http: ClientSession) -> None:
        url = URL(f"{self.api_url.rstrip('/')}/bot{self.token.get_secret_value()}/{method}")
        body = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")
        answer = await post(http, url, body, self.timeout, {})
        reply = _read(answer)
        if reply is None:
            raise refusal(answer, self.clean(answer.text))
        if reply.get("ok") is not True:
            code, said = reply.get("error_code", 0), str(reply.get("description", "no text"))
            fault = diagnose(code, reply.get("parameters") or {}, said)
            raise fault.error(self.clean(f"{fault.diagnosis} (error_code {code}: {said})"))


def _calls(message: Message) -> str:
    """Return those who are asked by name, as Telegram calls them: by @name, or by a link to them.

    https://core.telegram.org/bots/api#formatting-options
    """
    asked = [each for each in message.asked if each.telegram and message.calls]
    words = [
        each.telegram
        if each.telegram.startswith("@")
        else f'<a href="tg://user?id={each.telegram}">{escape(each.name or each.telegram)}</a>'
        for each in asked
    ]
    return f"\n\n{' '.join(words)}" if words else ""


def _lift(message: Message) -> Message:
    public = tuple((words, url) for words, url in message.links if _is_public(url))
    return lift(replace(message, links=public), _MOST_BUTTONS, _write_link)


def _write_link(words: str, url: str) -> str:
    return f'<a href="{escape(url)}">{escape(words)}</a>'


def _is_public(url: str) -> bool:
    """Whether Telegram takes it for a button: a name such as prometheus or localhost it refuses."""
    return "." in (URL(url).host or "").strip(".")


def _preview(picture: str) -> dict[str, Any]:
    """Show the picture, which Telegram fetches; where it cannot, there is none."""
    if not picture:
        return {"is_disabled": True}
    return {"url": picture, "prefer_large_media": True}


def _fits(text: str) -> bool:
    return units(unescape(_TAG.sub("", text))) <= LONGEST


def shorten(line: str) -> str:
    """Cut a line of HTML so that no tag or entity is cut, and close what is open."""
    if units(line) <= _LONGEST_LINE:
        return line
    text = _PARTIAL.sub("", first_units(line, _LONGEST_LINE))
    opened: list[str] = []
    for end, tag in _OPENED.findall(text):
        if end:
            opened.pop()
        else:
            opened.append(tag)
    return text + "…" + "".join(f"</{tag}>" for tag in reversed(opened))


def _read(answer: Answer) -> dict[str, Any] | None:
    try:
        reply = json.loads(answer.text)
    except ValueError:
        return None
    return reply if isinstance(reply, dict) and "ok" in reply else None


def diagnose(code: int, parameters: dict[str, Any], said: str) -> Fault:
    """Say what an error_code means: its description tells what of it is about the chat."""
    if code == 429:
        pause = parameters.get("retry_after", _PAUSE)
        return Fault("throttled", "too many messages in this chat", retry_after=pause)
    if code != 400:
        return FAULTS.get(code, _UNKNOWN)
    if moved := parameters.get("migrate_to_chat_id"):
        return Fault("gone", f"the group became a supergroup; write chat: {moved}")
    if "too long" in said:
        return _TOO_LONG
    return _WRONG_CHAT if _CHAT.search(said) else _MALFORMED
