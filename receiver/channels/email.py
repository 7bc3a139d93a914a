"""Email by SMTP, encrypted wherever the server is not this very host (RFC 3207, RFC 8314)."""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, ClassVar, Literal, Self

from aiohttp import ClientSession
from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from pydantic import Field, PrivateAttr, model_validator

from receiver.channels.addresses import reach
from receiver.channels.contract import Channel, Format, name_destination
from receiver.channels.mailing import Address, AuthoritiesFile, ServerUrl, compose
from receiver.channels.wire import Wire, drop
from receiver.model import Message, PartlyRefusedError, SendError
from receiver.settings import SecretFile

_RATE = re.compile(r"\b4\.7\.\d+\b.*\brate|too many|rate limit|ratelimit|quota", re.IGNORECASE)
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")
_LONGEST_NAME = 100
_PAUSE = 60.0
"""Seconds to leave a server alone that says without a number that it is sent too much."""

Refusals = dict[str, tuple[int, str]]
"""SMTP code and text by the address that was refused."""


class Email(Channel):
    """Mail to one or more people, as text and HTML.

    STARTTLS is used wherever it is offered and demanded unless the host is loopback, so a
    password never leaves this host in the clear.
    """

    format: ClassVar[Format] = "email"

    smtp: ServerUrl
    password: SecretFile | None = Field(default=None, alias="password_file")
    sender: Address | None = Field(default=None, alias="from")
    to: Annotated[tuple[Address, ...], Field(min_length=1)]
    ca_file: AuthoritiesFile | None = None
    return_path: Address | Literal[""] | None = None

    _wire: Wire = PrivateAttr(default_factory=Wire)

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        if bool(self.smtp.user) != (self.password is not None):
            raise ValueError("a user in smtp and password_file belong together")
        return self

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)

    @property
    def attaches(self) -> bool:
        """It shows pictures within the mail."""
        return True

    @property
    def destination(self) -> str:
        """The account at the server, which counts what it sends."""
        return name_destination("email", str(self.smtp))

    async def send(self, message: Message, http: ClientSession) -> None:  # noqa: ARG002 -- the contract's
        """Mail everyone whom this message has not reached yet.

        One refused address does not stop the others; it is retried alone where the refusal
        is a passing one (4yz, RFC 5321 4.2.1).
        """
        owed = [address for address in self.to if address not in message.reached]
        if not owed:  # whoever is left to be told is no longer configured
            return
        mail = compose(message, self._sender, self.to, datetime.now(UTC))
        try:
            refused = await self._transmit(mail, owed, message.key)
        except (SMTPException, OSError) as error:
            raise self._explain(error) from None
        if refused:
            raise self._blame(refused, set(owed) - refused.keys(), message.reached)

    async def examine(self, http: ClientSession) -> str:  # noqa: ARG002 -- the contract's
        """Connect, encrypt and log in, and mail nobody."""
        client = self._client()
        try:
            async with asyncio.timeout(self.timeout):
                await self._connect(client)
        except (SMTPException, OSError) as error:
            raise self._explain(error) from None
        finally:
            drop(client)
        return f"{self.smtp.host} is reached, encrypted where it must be, and takes the login"

    async def close(self) -> None:
        """End the connection that is kept for the next mail."""
        await self._wire.close()

    async def _transmit(self, mail: bytes, owed: list[str], envelope_id: str) -> Refusals:
        client: SMTP | None = None
        done = False
        try:
            async with asyncio.timeout(self.timeout):
                client = await self._wire.take()
                if client is None:
                    client = self._client()
                    await self._connect(client)
                refused = await _hand_over(client, mail, self._envelope_sender, owed, envelope_id)
                done = True
        finally:
            if client is not None and not done:
                drop(client)
        await self._wire.keep(client)
        return refused

    async def _connect(self, client: SMTP) -> None:
        await client.connect(sock=await reach(self.smtp.host, self.smtp.port))
        if self.password is not None:  # not before connect has seen to encryption
            await client.login(self.smtp.user, self.password.get_secret_value())

    @property
    def _sender(self) -> str:
        return self.sender or self.smtp.sender

    @property
    def _envelope_sender(self) -> str:
        """Where servers report what they cannot deliver; empty is nowhere (RFC 5321, 4.5.5)."""
        return self._sender if self.return_path is None else self.return_path

    def _client(self) -> SMTP:
        server = self.smtp
        demanded = None if server.is_loopback else True
        return SMTP(
            hostname=server.host,
            use_tls=server.implicit,
            start_tls=False if server.implicit else demanded,
            tls_context=self._trust,
            timeout=self.timeout,
            local_hostname=socket.gethostname(),
        )

    def _blame(self, refused: Refusals, arrived: set[str], before: frozenset[str]) -> SendError:
        """Give up those whom the server will never take, unless nobody has the mail yet.

        A limit that is met by some is theirs, such as a full mailbox, and not the server's.
        """
        said = "; ".join(f"{to}: {code} {text}" for to, (code, text) in refused.items())
        detail = self.clean(f"{len(refused)} of {len(self.to)} recipients refused: {said}")
        if arrived or before:
            hopeless = all(code >= 500 for code, _ in refused.values())
            return PartlyRefusedError("recipient", detail, permanent=hopeless, reached=arrived)
        if all(_is_rate(code, text) for code, text in refused.values()):
            return SendError("throttled", self.clean(said), retry_after=_PAUSE)
        return SendError("recipient", detail)

    def _explain(self, error: Exception) -> SendError:
        place = f"{self.smtp.host}:{self.smtp.port}"
        if isinstance(error, TimeoutError):
            return SendError("timeout", f"{place} did not take the mail in {self.timeout:g} s")
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLError):
                why = getattr(cause, "verify_message", "") or cause.reason
                return SendError("tls", self.clean(f"no trusted connection to {place}: {why}"))
        detail = self.clean(f"{place}: {error}")
        if isinstance(error, SMTPResponseException):
            if _is_rate(error.code, error.message):
                return SendError("throttled", detail, retry_after=_PAUSE)
            login = isinstance(error, SMTPAuthenticationError)
            reason = "auth" if login else "server" if error.code < 500 else "rejected"
            refused = isinstance(error, SMTPDataError) and error.code >= 500
            return SendError(reason, detail, permanent=refused)
        if isinstance(error, OSError):
            return SendError("unreachable", detail)
        return SendError("unsupported", detail)


def _is_rate(code: int, text: str) -> bool:
    """Whether a passing refusal is the server's own limit (RFC 3463 has 4.7.x for policies)."""
    return 400 <= code < 500 and _RATE.search(text) is not None


async def _hand_over(
    client: SMTP, mail: bytes, sender: str, owed: list[str], envelope_id: str
) -> Refusals:
    """Send the mail; a server that can report failures is asked to (RFC 3461)."""
    reports = bool(sender) and client.supports_extension("dsn")
    name = _NOT_XTEXT.sub("", envelope_id)[:_LONGEST_NAME]
    try:
        refused, _ = await client.sendmail(
            *(sender, owed, mail),
            mail_options=["RET=HDRS", f"ENVID={name}"] if reports else [],
            rcpt_options=["NOTIFY=FAILURE,DELAY"] if reports else [],
        )
    except SMTPRecipientsRefused as error:
        return _by_address(error.recipients)
    return {address: (reply.code, reply.message) for address, reply in refused.items()}


def _by_address(errors: Iterable[SMTPRecipientRefused]) -> Refusals:
    return {error.recipient: (error.code, error.message) for error in errors}


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
