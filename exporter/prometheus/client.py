"""Asks a Prometheus over HTTP; every question has a deadline and every answer a bound."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

from exporter.prometheus.connection import Connection
from exporter.prometheus.span import Span

ERROR, LATE = "prometheus_error", "prometheus_late"
"""The names by which an answer that did not come is counted."""
_CHUNK = 1 << 20
_PASSING = {408, 429}
"""Refusals that are not meant for ever: a timeout, and too many questions."""
_AT_ONCE = 4
"""How many questions are under way at once: a Prometheus has other work, too."""


class QueryError(Exception):
    """There is no answer that can be used; `reason` is one of the names above.

    `final` is one that the same question would get again.
    """

    def __init__(self, reason: str, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.final = final


class Prometheus:
    """Asks one server. A connection is made for each question, so there is nothing to close."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Semaphore(_AT_ONCE)
        # Made once: it reads all the authorities that this machine trusts.
        self._tls = connection.tls.context() if connection.url.startswith("https:") else True
        self._headers = dict(connection.headers)
        if connection.authorization:
            self._headers["Authorization"] = connection.authorization.header()

    async def query(self, promql: str, most: int) -> bytearray:
        """Evaluate an expression now; returns a body of at most `most` bytes, or QueryError."""
        return await self._post("/api/v1/query", {"query": promql}, most)

    async def query_range(self, promql: str, span: Span, most: int) -> bytearray:
        """Evaluate an expression at each moment of a span."""
        # A little more than the end, since it is a sum that may have been rounded up.
        bounds = {"start": span.start, "end": span.end + span.step / 100, "step": span.step}
        form = {"query": promql} | {name: f"{seconds:.3f}" for name, seconds in bounds.items()}
        return await self._post("/api/v1/query_range", form, most)

    async def _post(self, path: str, form: Mapping[str, str], most: int) -> bytearray:
        deadline = self._connection.deadline
        timed = {**form, "timeout": f"{deadline:g}"}  # a unit would forbid Prometheus a fraction
        try:
            async with self._turn, asyncio.timeout(deadline):
                status, body = await self._exchange(path, timed, most)
        except TimeoutError as error:
            raise QueryError(LATE, f"no answer within {deadline:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise QueryError(ERROR, str(error) or type(error).__name__) from error
        if status != 200:
            raise _refusal(status, body)
        return body

    async def _exchange(
        self, path: str, form: Mapping[str, str], most: int
    ) -> tuple[int, bytearray]:
        async with (
            aiohttp.ClientSession(headers=self._headers) as session,
            session.post(
                self._connection.url + path,
                data=form,
                # A redirect would carry the secrets to somewhere nobody has named.
                allow_redirects=False,
                ssl=self._tls,
                server_hostname=self._connection.tls.server_name or None,
                # Our own deadline holds for the whole; aiohttp's would be a second opinion.
                timeout=aiohttp.ClientTimeout(total=None),
            ) as answer,
        ):
            return answer.status, await _read(answer.content, most)


async def _read(stream: aiohttp.StreamReader, most: int) -> bytearray:
    """Read all of it, unpacked, unless it is larger than `most`."""
    body = bytearray()
    async for chunk in stream.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > most:
            raise QueryError(ERROR, f"more than {most} bytes; narrow the expression")
    return body


def _refusal(status: int, body: bytearray) -> QueryError:
    """Say in the server's own words why it did not answer."""
    try:
        document: Any = json.loads(body)
    except ValueError:
        document = None
    told = document if isinstance(document, dict) else {}
    reason = LATE if told.get("errorType") == "timeout" else ERROR
    words = told.get("error") or body[:200].decode("utf-8", "replace").strip()
    final = 400 <= status < 500 and status not in _PASSING
    return QueryError(reason, f"HTTP {status}: {words}", final=final)
