"""A web server on loopback whose next answers can be made ugly; the fakes stand on it."""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

Ugly = Literal["hangs", "html", "closes", "redirects", "echoes"]
Answer = web.StreamResponse
Handler = Callable[[web.Request], Awaitable[Answer]]


@dataclass
class FakeWeb:
    """Answers as `reply` says, unless something ugly or an HTTP status is queued in `next`."""

    next: deque[Ugly | int] = field(default_factory=deque)
    broken: dict[str, Ugly | int] = field(default_factory=dict)
    """What every answer below a path is like."""
    retry_after: str = ""
    seen: list[web.Request] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    tls: ssl.SSLContext | None = None
    _server: TestServer | None = None

    async def reply(self, request: web.Request) -> Answer:
        raise NotImplementedError

    @property
    def base(self) -> str:
        assert self._server is not None
        return str(self._server.make_url("/")).rstrip("/")

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._server = TestServer(app, host="127.0.0.1")
        await self._server.start_server(ssl=self.tls, access_log=None)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self.released.set()
        await self._server.close()

    async def _answer(self, request: web.Request) -> Answer:
        self.seen.append(request)
        if not self.next and request.path not in self.broken:
            return await self.reply(request)
        ugly = self.next.popleft() if self.next else self.broken[request.path]
        if isinstance(ugly, int):
            headers = {"Retry-After": self.retry_after} if self.retry_after else {}
            return web.Response(status=ugly, text="something went wrong", headers=headers)
        return await getattr(self, f"_{ugly}")(request)  # type: ignore[no-any-return]

    async def _hangs(self, _: web.Request) -> Answer:
        await self.released.wait()
        return web.Response()

    async def _html(self, _: web.Request) -> Answer:
        return web.Response(
            text="<html><body>Please log in</body></html>", content_type="text/html"
        )

    async def _redirects(self, _: web.Request) -> Answer:
        raise web.HTTPFound("/elsewhere")

    async def _closes(self, request: web.Request) -> Answer:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"errcode":')
        assert request.transport is not None
        request.transport.close()
        return response

    async def _echoes(self, request: web.Request) -> Answer:
        """Repeat in the error what the client said, secrets and all."""
        said = f"{request.path_qs} {request.headers.get('Authorization')}"
        return web.Response(status=400, text=f"bad request: {request.url} {said}")
