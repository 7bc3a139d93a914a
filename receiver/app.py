"""Puts the rooms together and runs them; wiring only."""

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import aiohttp
from aiohttp import web

from receiver import metrics
from receiver.channels.addresses import GuardedResolver
from receiver.channels.inbox import Inbox
from receiver.config import Config
from receiver.delivery.sending import Outlet
from receiver.delivery.worker import Ties, Worker
from receiver.intake.ingest import Intake
from receiver.intake.webhook import parse
from receiver.messages.render import BUILT_IN, Style
from receiver.metrics import Metrics
from receiver.store.records import Posted
from receiver.store.store import Store
from receiver.upkeep import Upkeep
from receiver.web.feed import Feed
from receiver.web.health import Health
from receiver.web.keys import Site
from receiver.web.pages import Pages
from receiver.web.server import application
from receiver.web.signature import Signatures

_LOG = logging.getLogger(__name__)

_GRACE = 5.0
"""Seconds that requests, and then messages, in flight get when the process is asked to stop."""
_LONGEST_SEND = 300.0


async def serve(config: Config) -> None:
    """Run until SIGTERM or SIGINT.

    Raises OSError where the address is taken, StoreVersionError and StoreUnavailableError.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(config) as url:
        _LOG.info("listening on %s", url)
        await stop.wait()
        _LOG.info("stopping")


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[str]:
    """Run the receiver; yields the URL that it listens on."""
    async with AsyncExitStack() as stack:
        # First, since it fails where another receiver runs, whose store must be left alone.
        listener = stack.enter_context(_bind(*config.address))
        store = await Store.open(config.database, parse)
        stack.push_async_callback(store.close)
        http = await stack.enter_async_context(_client())
        numbers = metrics.create(_version(), config.channels)
        for language, name in BUILT_IN:
            numbers.template_failures.labels(f"{language}/{name}")
        await _recall(config, store, numbers)
        several = len(_inboxes(config)) > 1
        feed, pages = Feed(), Pages(config.language, config.timezone, several=several)
        tell = partial(_publish, feed, pages, _inboxes(config))
        workers: dict[str, Worker] = {}
        ties = Ties(store, http, numbers, tell, partial(_wake, workers))
        workers |= {outlet.name: Worker(outlet, ties) for outlet in _outlets(config)}
        site = Site(
            intake=Intake(store, config.routes, numbers, partial(_wake, workers)),
            store=store,
            metrics=numbers,
            health=Health(store),
            feed=feed,
            pages=pages,
            tokens=config.tokens,
            inboxes=_inboxes(config),
            channels=tuple(config.channels),
            signatures=Signatures(config.grafana) if config.grafana else None,
        )
        listening = store.listen(workers, partial(_wake, workers))
        await stack.enter_async_context(_beside(listening))
        upkeep = Upkeep(store, config.retention, numbers)
        await stack.enter_async_context(_beside(upkeep.run()))
        await stack.enter_async_context(_delivering(workers.values()))
        yield await stack.enter_async_context(_listening(site, listener))


async def _recall(config: Config, store: Store, numbers: Metrics) -> None:
    """Take up what an earlier run left: the Watchdog's time, and messages for channels now gone."""
    if last := await store.last_suppressed("watchdog"):
        numbers.watchdog.set(last.timestamp())
    if lost := await store.bury(config.channels, datetime.now(UTC)):
        _LOG.warning("gave up %d messages: their channels are not configured any longer", lost)


def _client() -> aiohttp.ClientSession:
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


def _outlets(config: Config) -> Iterable[Outlet]:
    for name, channel in config.channels.items():
        language = channel.language or config.language
        zone = channel.timezone or config.timezone
        # A channel writes some words itself: how many lines its limit left out.
        speaking = channel.model_copy(update={"language": language})
        link = "" if isinstance(channel, Inbox) else config.links  # it need not lead to itself
        yield Outlet(name, speaking, Style(channel.format, language, zone, link))


def _inboxes(config: Config) -> tuple[str, ...]:
    return tuple(name for name, c in config.channels.items() if isinstance(c, Inbox))


def _publish(feed: Feed, pages: Pages, inboxes: Iterable[str], message: Posted) -> None:
    if message.channel in inboxes:
        feed.publish(pages.event(message))


def _wake(workers: Mapping[str, Worker], channels: Iterable[str]) -> None:
    for name in channels:
        workers[name].wake()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


@asynccontextmanager
async def _listening(site: Site, listener: socket.socket) -> AsyncIterator[str]:
    runner = web.AppRunner(application(site), access_log=None, shutdown_timeout=_GRACE)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        host, port = listener.getsockname()[:2]
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Do work that ends with the block; where it dies before, so does the process."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


@asynccontextmanager
async def _delivering(workers: Iterable[Worker]) -> AsyncIterator[None]:
    """Run the workers; one that dies takes the process down, for its supervisor to restart."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(worker.run(), name=worker.name) for worker in workers]
        yield
        for worker in workers:
            worker.stop()
        _, late = await asyncio.wait(tasks, timeout=_GRACE)
        for task in late:
            task.cancel()
