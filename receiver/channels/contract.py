"""What a channel is: a frozen `Section` whose fields are its configuration."""

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from aiohttp import ClientSession
from pydantic import AfterValidator, SecretStr, ValidationError

from receiver.model import Language, Message, Pace
from receiver.settings import Duration, HoursName, PaceText, Section

Format = Literal[
    "dingtalk", "slack", "email", "text", "feishu", "wecom", "teams", "telegram", "sms"
]

_LONGEST_DETAIL = 300
_Made = TypeVar("_Made")


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"not a time zone: {name!r}; write it like Asia/Shanghai") from error
    return name


TimeZone = Annotated[str, AfterValidator(_check_zone)]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a channel would post: the text in its markup, and its buttons as (words, URL).

    A button that opens nothing has an empty URL.
    """

    title: str
    text: str
    buttons: tuple[tuple[str, str], ...] = ()

    @property
    def lines(self) -> str:
        """The text with the buttons in brackets below it."""
        shown = " ".join(f"[{words}]" for words, _ in self.buttons)
        return "\n\n".join(filter(None, [self.text, shown]))


class Channel(Section):
    """One configured channel; it sends, and the caller paces, retries and counts.

    `send` returns once the other side has taken the message and raises SendError otherwise:
    permanent where the message itself is refused, so that nothing a person could mend would help.
    Anything else that it raises counts as retryable.
    """

    format: ClassVar[Format]
    """Which templates write its messages."""
    limit: ClassVar[Pace | None] = None
    """What its provider allows."""
    gathers: ClassVar[bool] = True
    """Whether a backlog is told in one message; one that sends nothing keeps each for itself."""

    shows: ClassVar[bool] = False
    """Whether it sends nothing and only shows what is stored."""
    keeps_open: ClassVar[bool] = False
    """Whether what fires stays open there until it hears that it is over, even a test."""
    hears_acts: ClassVar[bool] = True
    """Whether it is told what somebody did about an incident; where each message costs, not."""

    type: str
    timeout: Duration = 10.0
    language: Language | None = None
    timezone: TimeZone | None = None
    pace: PaceText | None = None
    fallback: str = ""
    people: tuple[str, ...] = ()
    mute_times: tuple[HoursName, ...] = ()
    quiet_hours: tuple[HoursName, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it changes the message of an incident where that stands."""
        return False

    @property
    def clickable(self) -> bool:
        """Whether what people may do is offered by buttons of its own."""
        return False

    @property
    def written(self) -> Format:
        """Which templates write its messages as it is configured."""
        return self.format

    @property
    def attaches(self) -> bool:
        """Whether it sends a message's picture along, or adds it by `illustrate`."""
        return False

    @property
    def rule(self) -> Pace | None:
        """How fast it may send: as configured, else as its provider allows; None is no limit."""
        return self.pace or self.limit

    @property
    def destination(self) -> str:
        """The same for channels whose messages the provider counts together; tells no secret."""
        return ""

    @abstractmethod
    async def send(self, message: Message, http: ClientSession) -> str | None:
        """Deliver one message; never called twice at once for one channel.

        Returns where it stands now, if it can be changed there later; `message.place` is where
        an earlier one of the same incident does.
        """

    def draft(self, message: Message) -> Draft:
        """Return what it would post of a message, without posting."""
        return Draft(message.title, message.body)

    async def illustrate(self, message: Message, http: ClientSession) -> None:
        """Add a message's picture where it stands by now. Raises SendError."""

    async def amend(self, message: Message, http: ClientSession) -> None:
        """Bring the message at `message.place` up to date, and tell nobody; raises SendError.

        Only one that changes its messages is asked to.
        """

    async def close(self) -> None:
        """End what it keeps open between messages; it may send again."""

    async def examine(self, http: ClientSession) -> str:  # noqa: ARG002 -- for those who need it
        """Ask whether a message would be taken, without sending one; returns what can be said.

        Raises SendError.
        """
        return "nothing that could be asked without sending; --send does"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret of the configuration, to be masked in what is logged and counted."""
        return tuple(part for text in _secrets_of(self) for part in _telling(text))

    def clean(self, text: str) -> str:
        """Return what the other side said as one short printable line without our secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        line = "".join(c for c in " ".join(text.split()) if c.isprintable())
        return line if len(line) <= _LONGEST_DETAIL else line[:_LONGEST_DETAIL] + "…"


def also(
    decode: Callable[[Any], _Made], section: Any, objection: str, wrong: Collection[str]
) -> _Made:
    """Decode a section, and object to the whole of it beside what is wrong in its parts."""
    try:
        made = decode(section)
    except ValidationError as error:
        if not wrong:
            raise
        whole: Any = {"type": "value_error", "input": "", "ctx": {"error": ValueError(objection)}}
        parts: list[Any] = [*error.errors(include_url=False)]
        raise ValidationError.from_exception_data(error.title, [*parts, whole]) from None
    if wrong:
        raise ValueError(objection)
    return made


def name_destination(kind: str, *parts: str) -> str:
    """Name a destination by what it is made of, secrets included, without telling them."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{kind}:{digest[:24]}"


def _secrets_of(section: Section) -> Iterator[str]:
    for value in (getattr(section, name) for name in type(section).model_fields):
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        for part in value if isinstance(value, tuple) else ():
            if isinstance(part, Section):
                yield from _secrets_of(part)


def _telling(secret: str) -> Iterator[str]:
    """Yield the secret, and of a URL also the parts that a server or a library might repeat."""
    yield secret
    if "://" in secret:
        parts = urlsplit(secret)
        yield from (value for _, value in parse_qsl(parts.query))
        if len(parts.path) > 1:
            yield parts.path
