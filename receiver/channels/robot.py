"""Robots of Chinese chats: a secret URL that takes JSON and answers HTTP 200 with a code."""

import re
from typing import Annotated, ClassVar

from aiohttp import ClientSession
from pydantic import AfterValidator, Field
from yarl import URL

from receiver.channels.codes import Fault, read_code
from receiver.channels.contract import Channel, name_destination
from receiver.channels.posting import SecretUrl, post, refusal
from receiver.model import SEVERITIES, Message, SendError, Status

MOBILE = re.compile(r"\+?[\d-]+")

Mention = dict[str, tuple[str, ...]]


def _check_severities(mention: Mention) -> Mention:
    unknown = sorted(mention.keys() - SEVERITIES.keys())
    if unknown:
        known = ", ".join(SEVERITIES)
        raise ValueError(f"unknown severity {', '.join(unknown)}; one of {known}")
    return mention


class Robot(Channel):
    """A robot of a group; `mention` says by severity who is called for alerts that fire."""

    words: ClassVar[tuple[str, str]] = ("errcode", "errmsg")
    """What an answer calls its code, 0 for success, and its text."""

    url: SecretUrl = Field(alias="url_file")
    mention: Annotated[Mention, AfterValidator(_check_severities)] = Field(default_factory=dict)

    @property
    def destination(self) -> str:
        """The robot: providers count what each sends."""
        return name_destination(self.type, self.url.get_secret_value())

    def called(self, message: Message) -> tuple[str, ...]:
        """Whom the message calls; nobody once it is over."""
        fires = message.status is Status.FIRING
        return self.mention.get(message.severity.name, ()) if fires else ()

    async def ask(self, url: URL, body: bytes, http: ClientSession) -> tuple[int, str]:
        """Post and return the code and the text of the answer; SendError where it has none."""
        answer = await post(http, url, body, self.timeout, {})
        reply = read_code(answer.text, *self.words)
        if reply is None or (answer.status != 200 and not reply[0]):
            raise refusal(answer, self.clean(answer.text))
        return reply

    def failure(self, fault: Fault, code: int, said: str) -> SendError:
        """Say what a code other than 0 means."""
        return fault.error(self.clean(f"{fault.diagnosis} ({self.words[0]} {code}: {said})"))


def add_keyword(keyword: str, title: str, text: str) -> tuple[str, str]:
    """Add the word that a robot's security setting demands to what lacks it."""
    if keyword not in title:
        title = f"{keyword} {title}"
    return title, text if keyword in text else f"{text}\n\n{keyword}"
