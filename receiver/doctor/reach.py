"""The way to another host: its name, its address, its certificate, and its clock beside ours."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr

from receiver.channels.addresses import GuardedResolver
from receiver.channels.contract import Channel
from receiver.doctor.finding import Finding, fail, ok, warn

_PATIENCE = 10.0
_WEB = ("http://", "https://")
_EXPIRES = timedelta(days=14)
_SKEW, _WRONG = timedelta(seconds=30), timedelta(minutes=5)
"""DingTalk refuses a signature an hour old, Slack one of five minutes."""


def urls_of(channel: Channel) -> Iterator[str]:
    """Yield scheme and host of each address that a channel sends to: the rest may be a secret.

    A channel with a secret address of its own has no need of a public one, such as Slack's.
    """
    values = [getattr(channel, name) for name in type(channel).model_fields]
    secret = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    public = [value for value in values if isinstance(value, str)]
    for text in [s for s in secret if s.startswith(_WEB)] or public:
        if text.startswith(_WEB):
            parts = urlsplit(text)
            yield f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


async def check_host(subject: str, url: str, http: aiohttp.ClientSession) -> list[Finding]:
    """Look a host up, shake hands with it, and compare clocks; asks for nothing but its root."""
    host = urlsplit(url).hostname or ""
    try:
        found = await GuardedResolver().resolve(host, 0, socket.AF_UNSPEC)
    except OSError as error:
        return [fail(subject, f"DNS: {host}: {error.strerror or error}; check name and resolver")]
    said = [ok(subject, f"DNS: {host} is {', '.join(sorted({one['host'] for one in found}))}")]
    try:
        async with http.head(url, allow_redirects=False, timeout=_timeout()) as response:
            date = _date(response)
    except aiohttp.ClientConnectorCertificateError as error:
        return [
            *said,
            fail(subject, f"TLS: the certificate is not trusted: {error.certificate_error}"),
        ]
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return [*said, fail(subject, f"cannot connect to {url}: {why}; check firewall and proxy")]
    said += check_clock(subject, date, datetime.now(UTC))
    if url.startswith("https://"):
        said += await _check_certificate(subject, url)
    return said


def check_clock(subject: str, theirs: datetime | None, ours: datetime) -> list[Finding]:
    """Compare our clock with another host's; signatures and the order of events depend on it."""
    if theirs is None:
        return []
    skew = abs(ours - theirs)
    words = f"this clock is {skew.total_seconds():.0f} s off that of {subject}; set it by NTP"
    if skew > _WRONG:
        return [fail("clock", words)]
    return [warn("clock", words)] if skew > _SKEW else []


async def _check_certificate(subject: str, url: str) -> list[Finding]:
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(
                parts.hostname, parts.port or 443, ssl=ssl.create_default_context()
            )
    except (OSError, TimeoutError) as error:
        return [fail(subject, f"TLS: {error}")]
    held = writer.get_extra_info("peercert") or {}
    writer.close()
    return [check_expiry(subject, held["notAfter"])]


def check_expiry(subject: str, end: str) -> Finding:
    """Say until when a certificate is good; `end` is as the ssl module writes it."""
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC)
    left = until - datetime.now(UTC)
    said = f"TLS: the certificate is good until {until:%F}"
    return warn(subject, f"{said}, {left.days} days") if left < _EXPIRES else ok(subject, said)


def _timeout() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=_PATIENCE)


def _date(response: aiohttp.ClientResponse) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return None
