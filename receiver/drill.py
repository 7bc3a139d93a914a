"""`send-test`: a marked test message by each channel, and what became of it in words."""

import argparse
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from receiver import config
from receiver.config import Config
from receiver.delivery.sending import Outlet
from receiver.delivery.trying import send_test
from receiver.intake.webhook import parse
from receiver.messages.samples import exercise
from receiver.model import ConfigError, Notification, SendError
from receiver.outlets import outlets
from receiver.severity import SEVERITIES
from receiver.signing import Signer
from receiver.store.store import Store

Client = Callable[[], AbstractAsyncContextManager[aiohttp.ClientSession]]


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the others."""
    test = commands.add_parser("send-test", help="send a test message, marked as one")
    test.add_argument("--config", type=Path, required=True, metavar="FILE")
    test.add_argument(
        "--channel", action="append", default=[], metavar="NAME", help="only by these; repeatable"
    )
    test.add_argument("--severity", choices=SEVERITIES, default="info")
    test.add_argument("--resolved", action="store_true", help="say that it is over")


async def run(arguments: argparse.Namespace, client: Client) -> int:
    """Send the tests; returns 1 where one of them failed.

    Raises ConfigError, StoreUnavailableError and StoreVersionError.
    """
    settings = config.load(arguments.config)
    chosen = choose(settings, arguments.channel)
    test = exercise(arguments.severity, datetime.now(UTC), resolved=arguments.resolved)
    failed = False
    async with client() as http, visit(settings) as store:
        for outlet in chosen:
            error = await attempt(outlet, test, store, http)
            failed |= error is not None
            sys.stdout.write(f"{outlet.name}: {error or says_ok(outlet)}\n")
    return int(failed)


def choose(settings: Config, names: Sequence[str], signer: Signer | None = None) -> list[Outlet]:
    """Return the channels of these names, or all; raises ConfigError for one that is none."""
    for name in names:
        if name not in settings.channels:
            known = ", ".join(settings.channels)
            raise ConfigError([f"--channel: no channel is named {name!r}; there are {known}"])
    return [outlet for outlet in outlets(settings, signer) if not names or outlet.name in names]


@asynccontextmanager
async def visit(settings: Config) -> AsyncIterator[Store | None]:
    """Use the store, which remembers each destination's pace; None where there is none yet."""
    try:
        visited = Store.visit(settings.database, parse)
        store = await visited.__aenter__()
    except FileNotFoundError:
        yield None
        return
    try:
        yield store
    finally:
        await visited.__aexit__(None, None, None)


async def attempt(
    outlet: Outlet, test: Notification, store: Store | None, http: aiohttp.ClientSession
) -> SendError | None:
    """Send a test; returns what it failed with, secrets masked."""
    try:
        if store is None:
            await outlet.send_test(test, http, datetime.now(UTC))
        else:
            await send_test(outlet, test, store, http)
    except SendError as error:
        return error
    finally:
        await outlet.channel.close()
    return None


def says_ok(outlet: Outlet) -> str:
    """Say what a test that did not fail has shown."""
    if outlet.channel.shows:
        return "ok; it sends nothing, and shows what is routed to it"
    return "ok, took a test message"
