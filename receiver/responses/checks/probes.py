"""A service that must answer: by HTTP, or at least by TCP."""

import asyncio
import re
from contextlib import suppress
from typing import Annotated, Literal

import aiohttp
from pydantic import AfterValidator

from receiver.responses.checks.contract import Answer, Check, Witness

_LARGEST = 64 * 1024
_PORTS = 65_536


def _check_url(url: str) -> str:
    if not re.match(r"https?://[^/?#@]+", url):
        raise ValueError(f"not a URL: {url!r:.80}; write it like http://web:8080/healthz")
    return url


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {text!r:.80} ({error})") from error
    return text


class Http(Check):
    """A GET of `url` is answered with `status`, by a body in which `body` is found."""

    check: Literal["http"]
    url: Annotated[str, AfterValidator(_check_url)]
    status: int = 200
    body: Annotated[str, AfterValidator(_check_pattern)] = ""

    @property
    def says(self) -> str:
        """The question and its answer."""
        return f"GET {self.url} is {self.status}"

    async def ask(self, witness: Witness) -> Answer:
        """Ask once, following no redirect."""
        limit = aiohttp.ClientTimeout(total=self.timeout)
        try:
            async with witness.http.get(self.url, timeout=limit, allow_redirects=False) as answer:
                text = (await answer.content.read(_LARGEST)).decode("utf-8", "replace")
        except (aiohttp.ClientError, OSError) as error:
            return Answer(False, f"{getattr(error, 'strerror', None) or type(error).__name__}")
        found = answer.status == self.status and re.search(self.body, text) is not None
        return Answer(found, f"status {answer.status}")


class Tcp(Check):
    """`address`, as HOST:PORT, takes a connection."""

    check: Literal["tcp"]
    address: str

    @property
    def says(self) -> str:
        """Where."""
        return f"{self.address} takes connections"

    async def ask(self, witness: Witness) -> Answer:  # noqa: ARG002 -- the contract's
        """Connect, and leave."""
        host, _, port = self.address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < _PORTS:
            return Answer(None, f"{self.address!r:.80} is not HOST:PORT")
        try:
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError as error:
            return Answer(False, error.strerror or type(error).__name__)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return Answer(True, "connected")
