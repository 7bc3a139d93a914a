"""A real SMTP server with STARTTLS, implicit TLS, AUTH and recipients that it refuses."""

import asyncio
import email
import email.policy
import ssl
import warnings
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Literal, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.fakes.certs import Certificates

Mode = Literal["plain", "starttls", "implicit"]


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted mail as the server saw it."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    encrypted: bool
    user: str

    def part(self, kind: str) -> str:
        """Return the text of the part `plain` or `html`."""
        found = self.message.get_body((kind,))
        assert found is not None, f"no {kind} part"
        return str(found.get_content())


@dataclass
class FakeSmtp:
    """Listens on loopback. `refuse` maps a sender or recipient to the line that refuses it.

    `data_reply` refuses the next mail after its DATA; `hangs` leaves EHLO without an answer.
    """

    certificates: Certificates
    mode: Mode = "starttls"
    user: str = ""
    password: str = "correct horse"
    refuse: dict[str, str] = field(default_factory=dict)
    data_reply: str = ""
    hangs: bool = False
    mails: list[Mail] = field(default_factory=list)
    connections: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _talks: list[SMTP] = field(default_factory=list)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        scheme = "smtps" if self.mode == "implicit" else "smtp"
        user = self.user.replace("@", "%40") + "@" if self.user else ""
        return f"{scheme}://{user}localhost:{self.port}"

    async def __aenter__(self) -> Self:
        context = self.certificates.server_context()
        implicit = context if self.mode == "implicit" else None
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: self._talk(context), "127.0.0.1", 0, ssl=implicit
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self.released.set()
        self._server.close()
        await self._server.wait_closed()

    def _talk(self, context: ssl.SSLContext) -> SMTP:
        self.connections += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of AUTH without TLS, which tests want too
            talk = SMTP(
                self,
                hostname="localhost",
                tls_context=context if self.mode == "starttls" else None,
                authenticator=self._authenticate if self.user else None,
                auth_required=bool(self.user),
                auth_require_tls=False,
                ident="fake",
            )
        self._talks.append(talk)
        return talk

    def hang_up(self) -> None:
        """End all connections, as a server does that is restarted."""
        for talk in self._talks:
            if talk.transport is not None:
                talk.transport.close()

    def _authenticate(self, _s: Any, _se: Any, _e: Any, _m: str, given: Any) -> AuthResult:
        good = (given.login, given.password) == (self.user.encode(), self.password.encode())
        # handled=False, or aiosmtpd leaves the client without an answer.
        return AuthResult(success=good, handled=False, auth_data=self.user)

    async def handle_EHLO(  # noqa: N802 -- aiosmtpd's name
        self, _s: SMTP, session: Session, _e: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if self.hangs:
            await self.released.wait()
        return responses

    async def handle_MAIL(  # noqa: N802 -- aiosmtpd's name
        self, _s: SMTP, _se: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, _s: SMTP, _se: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _s: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        reply, self.data_reply = self.data_reply, ""
        if reply:
            return reply
        raw = envelope.original_content or b""
        self.mails.append(
            Mail(
                str(envelope.mail_from),
                tuple(envelope.rcpt_tos),
                email.message_from_bytes(raw, policy=email.policy.default),
                self.mode == "implicit" or session.ssl is not None,
                str(session.auth_data or ""),
            )
        )
        return "250 OK"
