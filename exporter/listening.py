"""Takes the address that the exporter serves on."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from exporter.config import Address
from exporter.web import make_web
from exporter.web.service import Service

_GRACEFUL = 5.0
"""Seconds that requests under way get at the end."""


class CannotListenError(Exception):
    """The address cannot be had; the message says why and what to do."""


async def try_address(listen: Address) -> None:
    """Raise CannotListenError where the address cannot be had, before anything else is begun.

    Whoever has it may well have the state's folder, too, which would be named first otherwise.
    """
    loop, host = asyncio.get_running_loop(), listen.host or None
    with _explained(listen):
        bound = await loop.create_server(asyncio.Protocol, host, listen.port, start_serving=False)
    bound.close()


@asynccontextmanager
async def listening(service: Service, listen: Address) -> AsyncIterator[Address]:
    """Listen for as long as the block lasts; yields the address with the port in use."""
    runner = web.AppRunner(make_web(service), access_log=None, shutdown_timeout=_GRACEFUL)
    await runner.setup()
    try:
        with _explained(listen):
            await web.TCPSite(runner, listen.host or None, listen.port).start()
        yield Address(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


@contextmanager
def _explained(listen: Address) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise CannotListenError(
            f"cannot listen on {listen}: {why}; choose another address with --listen HOST:PORT"
        ) from error
