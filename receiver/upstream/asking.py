"""How those before us are asked: who asks, for how long, for how much, and what went wrong."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self

import aiohttp
import orjson
from pydantic import Field, model_validator

from receiver.channels.mailing import AuthoritiesFile
from receiver.settings import SecretFile, Section


class Login(Section):
    """What shows the other side, or the proxy before it, who asks; and whose word it is."""

    user: str = ""
    password: SecretFile | None = Field(default=None, alias="password_file")
    token: SecretFile | None = Field(default=None, alias="token_file")
    ca_file: AuthoritiesFile | None = None

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password_file belong together")
        if self.user and self.token is not None:
            raise ValueError("write either user and password_file or token_file")
        return self

    @property
    def headers(self) -> dict[str, str]:
        """The header of a bearer or of basic authentication, if there is one."""
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token.get_secret_value()}"}
        if self.password is not None:
            pair = f"{self.user}:{self.password.get_secret_value()}".encode()
            return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
        return {}


class AskError(Exception):
    """The other side did not answer as it should; `reason` is a short word for the metric.

    What was refused has the `status` of the answer, and `said` is how it begins.
    """

    def __init__(self, reason: str, detail: str, status: int = 0, said: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.status = status
        self.said = said


_SAID = 64 * 1024
"""Bytes of a refusal that are read."""
Chunks = AsyncIterator[bytes]
Read = Callable[[Chunks], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of whom: a GET, or with a form or JSON a POST, unless by another `method`.

    `largest` bounds the answer's bytes.
    """

    login: Login
    url: str
    path: str
    seconds: float
    largest: int
    form: Mapping[str, str] | None = None
    json: bytes | None = None
    method: str = ""


async def read_nothing(_: Chunks) -> None:
    """Ignore an answer that says no more than that it is done."""


async def read_document(chunks: Chunks) -> Any:
    """Read all of an answer as JSON."""
    body = b"".join([chunk async for chunk in chunks])
    return await asyncio.to_thread(orjson.loads, body)


async def ask(
    http: aiohttp.ClientSession, asked: Question, read: Read = read_document
) -> tuple[Any, datetime | None]:
    """Ask, following no redirect; returns the answer with the other side's time.

    Raises AskError.
    """
    ca_file, url, path = asked.login.ca_file, asked.url, asked.path
    context = None if ca_file is None else ssl.create_default_context(cafile=ca_file)
    kind = {} if asked.json is None else {"Content-Type": "application/json"}
    try:
        async with http.request(
            asked.method or ("GET" if asked.form is None and asked.json is None else "POST"),
            f"{url.rstrip('/')}{path}",
            data=asked.json or asked.form,
            headers=asked.login.headers | kind,
            timeout=aiohttp.ClientTimeout(total=asked.seconds),
            allow_redirects=False,
            ssl=context or True,
        ) as response:
            if response.status not in {200, 201}:
                detail = f"{url} answers {path} with {response.status}"
                said = (await response.content.read(_SAID)).decode("utf-8", "replace")
                raise AskError("refused", detail, response.status, said)
            return await read(_chunks(response, asked)), _date(response)
    except TimeoutError:
        raise AskError("timeout", f"{url}: no answer within {asked.seconds:g} s") from None
    except orjson.JSONDecodeError:
        raise AskError("unexpected", f"{url} answers {path} with no JSON") from None
    except (aiohttp.ClientError, OSError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise AskError("unreachable", f"{url}: {said}") from None


async def _chunks(response: aiohttp.ClientResponse, asked: Question) -> Chunks:
    size = 0
    async for chunk in response.content.iter_chunked(64 * 1024):
        size += len(chunk)
        if size > asked.largest:
            raise AskError("too_large", f"{asked.url} answers with over {asked.largest >> 20} MiB")
        yield chunk


def _date(response: aiohttp.ClientResponse) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).astimezone(UTC)
    except ValueError:
        return None
