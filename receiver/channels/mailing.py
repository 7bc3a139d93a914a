"""The parts of a mail: the server's URL, addresses, and the message itself (RFC 5322)."""

import hashlib
import ipaddress
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationInfo

from receiver.channels.addresses import check_address
from receiver.model import Message

# 7bit: encoded bodies pass servers that do not know 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes out; `implicit` means TLS from the first byte."""

    host: str
    port: int
    user: str
    implicit: bool

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there never leaves this host."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def sender(self) -> str:
        """Who mails come from where the configuration does not say."""
        return self.user if "@" in self.user else f"{self.user or 'tocsin'}@{self.host}"

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"smtp{'s' * self.implicit}://{user}{self.host}:{self.port}"


def parse_server(value: Any) -> Server:
    """Read `smtp://user@host:port` or `smtps://...`; ports default to 587 and 465."""
    parts = urlsplit(str(value))
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not a mail server; write it like smtps://user@smtp.example.com")
    if parts.password is not None:
        raise ValueError("a password does not belong in the URL; write it into password_file")
    check_address(parts.hostname)
    port = parts.port or _PORTS[parts.scheme]
    return Server(parts.hostname, port, unquote(parts.username or ""), parts.scheme == "smtps")


def _check_address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError(f"not a mail address: {text!r}; write it like oncall@example.com")
    return text


def _check_authorities(value: Any, info: ValidationInfo) -> Path:
    """Resolve the file against the configuration's folder and see that it holds certificates."""
    path = Path((info.context or {}).get("folder", "."), str(value))
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError as error:
        raise ValueError(f"{path} holds no certificate in PEM format") from error
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    return path


_BRACKETS = str.maketrans("", "", "[]")
PICTURE = "picture@tocsin"
"""How the page of a mail calls its picture, in `cid:` (RFC 2392)."""
ServerUrl = Annotated[Server, BeforeValidator(parse_server), PlainSerializer(str, return_type=str)]
Address = Annotated[str, AfterValidator(_check_address)]
AuthoritiesFile = Annotated[Path, BeforeValidator(_check_authorities)]


def compose(message: Message, sender: str, to: Sequence[str], date: datetime) -> bytes:
    """Write the mail. Sent again it has the same Message-ID, so that a client shows it once.

    All mails of an incident refer to one message that never existed, which puts them into one
    thread however they arrive (RFC 5322, 3.6.4).
    """
    domain = sender.rpartition("@")[2]
    root = _message_id(domain, message.thread)
    mail = EmailMessage(_POLICY)
    mail["Subject"] = subject_of(message)
    mail["From"] = f"Tocsin <{sender}>"
    mail["To"] = ", ".join(to)
    mail["Date"] = format_datetime(date)
    mail["Message-ID"] = _message_id(domain, message.key, *to)
    mail["In-Reply-To"] = root
    mail["References"] = root
    mail["List-Id"] = f"Tocsin <tocsin.{domain}>"  # RFC 2919: what filters sort by
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail.set_content(message.body)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
        page = list(mail.iter_parts())[-1]
        for cid, picture in pictures_of(message):
            page.add_related(
                *(picture, "image", "png"),
                disposition="inline",
                filename=f"{cid.partition('@')[0].replace('picture', 'alert')}.png",
                cid=f"<{cid}>",
            )
    return mail.as_bytes()


def pictures_of(message: Message) -> Iterator[tuple[str, bytes]]:
    """Yield each picture of a page with what the page calls it."""
    if message.picture is not None:
        yield PICTURE, message.picture
    for number, picture in enumerate(message.pictures):
        yield picture_id(number), picture


def picture_id(number: int) -> str:
    """Return what the page of a digest calls one of its pictures."""
    return f"picture-{number}@tocsin"


def subject_of(message: Message) -> str:
    """Return the title with all of it in brackets but what stays the same over an incident.

    Gmail puts mails into one thread where they refer to the same one and their subjects are equal
    but for what stands in brackets. So `[Critical] HostDown on 3 instances` becomes `[Critical]
    HostDown [on 3 instances]`.
    """
    title, topic = _line(message.title), _line(message.topic)
    if not topic:
        return title
    before, _, after = title.partition(topic)
    parts = [_bracketed(before), topic, _bracketed(after)]
    return " ".join(part for part in parts if part)


def _bracketed(text: str) -> str:
    bare = text.translate(_BRACKETS).strip(" ·:,-")
    return f"[{bare}]" if bare else ""


def _line(text: str) -> str:
    return "".join(c for c in " ".join(text.split()) if c >= " ")


def _message_id(domain: str, *parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
    return f"<{digest[:32]}@{domain}>"
