"""Puts the rooms together and runs them; wiring only."""

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from typing import get_args

import aiohttp
from aiohttp import web

from receiver import memory, metrics
from receiver.channels.addresses import GuardedResolver
from receiver.config import Config
from receiver.delivery.crew import delivering
from receiver.incidents.acting import Outcome
from receiver.incidents.verbs import VERBS
from receiver.intake.webhook import parse
from receiver.messages.library import NAMES
from receiver.model import Language
from receiver.reload import InForce, Load, on_hangup
from receiver.responses.answering import ROLES
from receiver.signing import Signer
from receiver.store.store import Store
from receiver.upkeep import Upkeep
from receiver.watching import watching
from receiver.web.keys import Site
from receiver.web.server import application

_LOG = logging.getLogger(__name__)

_GRACE = 5.0
"""Seconds that requests in flight get when the process is asked to stop."""
_LAST_SEND = 12.0
"""Seconds that messages in flight get then: a channel's default timeout, and time to note it."""
_LONGEST_SEND = 300.0


async def serve(config: Config, load: Load | None = None) -> None:
    """Run until SIGTERM or SIGINT; `load` reads the configuration again on SIGHUP.

    Raises OSError where the address is taken, StoreVersionError and StoreUnavailableError.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(config, load) as url:
        _LOG.info("listening on %s", url)
        await stop.wait()
        _LOG.info("stopping")


@asynccontextmanager
async def running(config: Config, load: Load | None = None) -> AsyncIterator[str]:
    """Run the receiver; yields the URL that it listens on."""
    async with AsyncExitStack() as stack:
        # First, since it fails where another receiver runs, whose store must be left alone.
        listener = stack.enter_context(_bind(*config.address))
        store = await Store.open(config.database, parse)
        stack.push_async_callback(store.close)
        http = await stack.enter_async_context(client())
        numbers = metrics.create(_version(), config.channels)
        for verb, outcome in product((*VERBS, *ROLES), get_args(Outcome)):
            numbers.acts.labels(verb, outcome)
        for language, name in product(Language, NAMES):
            numbers.template_failures.labels(f"{language}/{name}")
        if last := await store.last_beat():
            numbers.watchdog.set(last.timestamp())
        crew = await stack.enter_async_context(delivering(_LAST_SEND))
        signer = Signer(await store.handling.key())
        force = InForce(config, store, http, numbers, crew, signer)
        stack.push_async_callback(force.lookup.close)
        await force.planning.refresh(store.now())
        await stack.enter_async_context(_beside(force.lookup.warm()))
        site = force.site
        listening = store.listen(crew.names, crew.wake)
        await stack.enter_async_context(_beside(listening))
        for work in watching(force, store, http, numbers):
            await stack.enter_async_context(_beside(work))
        upkeep = Upkeep(store, config.retention, numbers)
        await stack.enter_async_context(_beside(upkeep.run()))
        await stack.enter_async_context(_beside(memory.give_back()))
        if load is not None:
            site.reload = partial(force.reload, load)
            stack.enter_context(on_hangup(site))
        yield await stack.enter_async_context(_listening(site, listener, force.tls))


def client() -> aiohttp.ClientSession:
    """Make what talks to other hosts, but for those that nobody may be made to talk to."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=GuardedResolver()),
        timeout=aiohttp.ClientTimeout(total=_LONGEST_SEND),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"tocsin-receiver/{_version()}"},
    )


def _version() -> str:
    try:
        return version("tocsin")
    except PackageNotFoundError:  # run from its source
        return "unknown"


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do work that ends with the block; where it dies before, so does the process."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


@asynccontextmanager
async def _listening(
    site: Site, listener: socket.socket, tls: ssl.SSLContext | None
) -> AsyncIterator[str]:
    runner = web.AppRunner(
        application(site), access_log=None, shutdown_timeout=_GRACE, auto_decompress=False
    )
    await runner.setup()
    try:
        await web.SockSite(runner, listener, ssl_context=tls).start()
        host, port = listener.getsockname()[:2]
        scheme = "https" if tls else "http"
        yield f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
    finally:
        await runner.cleanup()
