"""What a channel is: a frozen `Section` whose fields are its configuration."""

from abc import abstractmethod
from typing import ClassVar, Literal

from aiohttp import ClientSession
from pydantic import SecretStr

from receiver.model import Language, Message
from receiver.settings import Duration, Section

Format = Literal["dingtalk", "slack", "email", "text"]


class Channel(Section):
    """One configured channel; it sends, and the caller paces, retries and counts.

    `send` returns once the other side has taken the message and raises SendError otherwise:
    permanent where trying again cannot help. Anything else that it raises counts as retryable.
    """

    format: ClassVar[Format]
    """Which templates write its messages."""

    type: str
    timeout: Duration = 10.0
    language: Language | None = None
    timezone: str | None = None

    @abstractmethod
    async def send(self, message: Message, http: ClientSession) -> None:
        """Deliver one message; never called twice at once for one channel."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret of the configuration, to be masked in what is logged and counted."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(v.get_secret_value() for v in values if isinstance(v, SecretStr))
