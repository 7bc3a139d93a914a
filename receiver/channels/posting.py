"""One bounded POST of a JSON body, and what the plain HTTP status of its answer means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
from pydantic import AfterValidator, SecretStr
from yarl import URL

from receiver.channels.addresses import check_address
from receiver.model import SendError
from receiver.settings import SecretFile

_LONGEST_ANSWER = 16_384
_THE_MESSAGE = {400, 413, 422}
"""Statuses that are about the message; others, like 401 and 404, are about URL and rights."""
_PAGE = re.compile(r"\s*<(!doctype|html)", re.IGNORECASE)
_PAUSE = 60.0
"""Seconds to wait after a 429 that does not say how long."""


def check_url(text: str) -> str:
    """Return the URL if a message may go there; a name is checked when it is looked up."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not a URL that starts with https:// or http://")
    check_address(parts.hostname)
    return text


def _check_secret_url(secret: SecretStr) -> SecretStr:
    check_url(secret.get_secret_value())
    return secret


SecretUrl = Annotated[SecretFile, AfterValidator(_check_secret_url)]
"""A URL that is itself the permission to post, and so stands in a file of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side answered; `retry_after` is its Retry-After header in seconds."""

    status: int
    text: str
    retry_after: float | None
    headers: Mapping[str, str] = field(default_factory=dict)


async def post(
    http: aiohttp.ClientSession, url: URL, body: bytes, seconds: float, headers: Mapping[str, str]
) -> Answer:
    """POST a body of JSON, unless headers say another, following no redirect.

    At most `seconds` for the whole exchange.

    Raises SendError. Nothing of the library's own text gets into it, since that names the URL.
    """
    try:
        async with http.post(
            url,
            data=body,
            headers={"Content-Type": "application/json; charset=utf-8", **headers},
            timeout=aiohttp.ClientTimeout(total=seconds),
            allow_redirects=False,
        ) as response:
            text = await _read(response)
            after = _parse_retry_after(response.headers.get("Retry-After", ""), datetime.now(UTC))
            return Answer(response.status, text, after, response.headers)
    except TimeoutError:
        raise SendError("timeout", f"no answer within {seconds:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise SendError("unreachable", _say(error)) from None


async def _read(response: aiohttp.ClientResponse) -> str:
    body = b""
    async for chunk in response.content.iter_chunked(_LONGEST_ANSWER):
        body += chunk
        if len(body) >= _LONGEST_ANSWER:
            break
    return body.decode("utf-8", "replace")


def _say(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the certificate of {error.host} is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {error.os_error.strerror}"
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
        return "the other side closed the connection before its answer was complete"
    return f"the exchange failed: {type(error).__name__}"


def _parse_retry_after(value: str, now: datetime) -> float | None:
    """Read Retry-After: seconds or a date (RFC 9110, 10.2.3); None where it is neither."""
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None


def is_page(text: str) -> bool:
    """Whether an answer is a page for people: some proxy's or portal's, not the service's."""
    return bool(_PAGE.match(text))


def refusal(answer: Answer, detail: str) -> SendError:
    """Say what an answer other than the hoped-for one means by its HTTP status alone."""
    said = f"HTTP {answer.status}: {detail or 'no text'}"
    if answer.status == 429:
        pause = _PAUSE if answer.retry_after is None else answer.retry_after
        return SendError("throttled", said, retry_after=pause)
    if answer.status >= 500 or answer.status == 408:
        return SendError("server", said, retry_after=answer.retry_after)
    if answer.status >= 400:
        return SendError("rejected", said, permanent=answer.status in _THE_MESSAGE)
    if 300 <= answer.status < 400:
        remedy = "redirects are not followed; write the address that this one leads to"
        return SendError("unexpected", f"HTTP {answer.status}: {remedy}")
    # A 2xx that is not the service's own answer, or a proxy or a portal is between.
    return SendError("unexpected", f"not an answer of the service: {said}")
