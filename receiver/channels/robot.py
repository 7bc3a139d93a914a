"""Robots of Chinese chats: a secret URL that takes JSON and answers HTTP 200 with a code."""

import re
from typing import Annotated, ClassVar, Self

from aiohttp import ClientSession
from pydantic import AfterValidator, Field, model_validator
from yarl import URL

from receiver.channels.codes import Fault, read_code
from receiver.channels.contract import Channel, name_destination
from receiver.channels.posting import SecretUrl, post, refusal
from receiver.model import Handles, Message, SendError
from receiver.severity import ALIASES, SEVERITIES

MOBILE = re.compile(r"\+?[\d-]+")
_CHINA = re.compile(r"^\+86(?=\d{11}$)")

CALL = re.compile(r"(?<!\w)@(?=\w)|@(?=all(?![A-Za-z0-9]|[.-][A-Za-z0-9])|所有人|[+\d-]{7})")
"""What reads as a call of people; an address such as ops@example.com does not."""

Mention = dict[str, tuple[str, ...]]

_OWNERS = {
    "oapi.dingtalk.com": "dingtalk",
    "open.feishu.cn": "feishu",
    "open.larksuite.com": "feishu",
    "qyapi.weixin.qq.com": "wecom",
}
_CALLABLE = re.compile(r"[\w.@+-]{1,64}")


def _check_severities(mention: Mention) -> Mention:
    if also := sorted(mention.keys() & ALIASES.keys()):
        same = ", ".join(f"{word} counts as {ALIASES[word]}" for word in also)
        raise ValueError(f"{same}; write that")
    if unknown := sorted(mention.keys() - SEVERITIES.keys()):
        known = ", ".join(SEVERITIES)
        raise ValueError(f"unknown severity {', '.join(unknown)}; one of {known}")
    return _check_people(mention)


def _check_people(mention: Mention) -> Mention:
    for who in (who for people in mention.values() for who in people):
        if not _CALLABLE.fullmatch(who):
            raise ValueError(
                f"nobody can be called {who!r:.40}; write all, an id, or +86-13800000000"
            )
    return mention


class Robot(Channel):
    """A robot of a group; `mention` says by severity who is called for alerts that fire.

    `mention_by` says it by the values of labels, e.g. `team: {db: [first]}`.
    """

    words: ClassVar[tuple[str, str]] = ("errcode", "errmsg")
    """What an answer calls its code, 0 for success, and its text."""
    ways: ClassVar[tuple[str, ...]] = ("mobile",)
    """By which of their handles people can be called, the best first."""

    url: SecretUrl = Field(alias="url_file")
    mention: Annotated[Mention, AfterValidator(_check_severities)] = Field(default_factory=dict)

    mention_by: dict[str, Annotated[Mention, AfterValidator(_check_people)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _check_owner(self) -> Self:
        owner = _OWNERS.get(URL(self.url.get_secret_value()).host or "", self.type)
        if owner != self.type:
            raise ValueError(f"url_file holds the URL of another robot; write type: {owner}")
        return self

    @property
    def destination(self) -> str:
        """The robot: providers count what each sends."""
        return name_destination(self.type, self.url.get_secret_value())

    def called(self, message: Message) -> tuple[str, ...]:
        """Whom the message calls; nobody once it is over, or where it tells what somebody did."""
        if not message.calls:
            return ()
        by_label = (
            person
            for label, people in self.mention_by.items()
            for value in dict.fromkeys(labels.get(label, "") for labels in message.labels)
            for person in people.get(value, ())
        )
        named = (self._handle(each) for each in message.asked)
        called = [*self.mention.get(message.severity.name, ()), *by_label, *filter(None, named)]
        return tuple(dict.fromkeys(called))

    def _handle(self, asked: Handles) -> str:
        handles = (str(getattr(asked, way)) for way in self.ways)
        return _CHINA.sub("+86-", next(filter(None, handles), ""))

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


def call_nobody(text: str) -> str:
    """Break up what reads as a call: it came with an alert."""
    return CALL.sub("\N{FULLWIDTH COMMERCIAL AT}", text)


def add_keyword(keyword: str, title: str, text: str) -> tuple[str, str]:
    """Add the word that a robot's security setting demands to what lacks it."""
    if keyword not in title:
        title = f"{keyword} {title}"
    return title, text if keyword in text else f"{text}\n\n{keyword}"
