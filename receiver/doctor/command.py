"""`doctor`: every check, a line for each finding, and 1 where one of them is a failure."""

import argparse
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from receiver import config, drill
from receiver.config import Config
from receiver.delivery.mask import one_line
from receiver.delivery.sending import Outlet
from receiver.doctor.files import check_permissions, check_store
from receiver.doctor.finding import Finding, Level, fail, ok, warn
from receiver.doctor.listener import check_listener
from receiver.doctor.reach import check_host, urls_of
from receiver.doctor.upstream import check_alertmanagers, check_prometheus
from receiver.drill import Client
from receiver.messages.samples import exercise
from receiver.model import SendError
from receiver.outlets import outlets
from receiver.settings import read_yaml
from receiver.store.migrations import StoreVersionError
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store

_SHORT = 16
"""Letters; a token that is shorter can be guessed."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the others."""
    doctor = commands.add_parser("doctor", help="look for what keeps messages from arriving")
    doctor.add_argument("--config", type=Path, required=True, metavar="FILE")
    doctor.add_argument("--send", action="store_true", help="send a test message to every channel")


async def run(arguments: argparse.Namespace, client: Client) -> int:
    """Run every check; returns the exit status. Raises ConfigError."""
    settings = config.load(arguments.config)
    worst = Level.OK
    async with client() as http:
        async for finding in _examine(arguments, settings, http):
            sys.stdout.write(f"{finding}\n")
            worst = Level.FAIL if Level.FAIL in {finding.level, worst} else worst
    return 1 if worst is Level.FAIL else 0


async def _examine(
    arguments: argparse.Namespace, settings: Config, http: aiohttp.ClientSession
) -> AsyncIterator[Finding]:
    yield ok(f"configuration {arguments.config}", "reads well")
    for finding in check_permissions(read_yaml(arguments.config), arguments.config):
        yield finding
    for token in settings.tokens:
        if token.secret is not None and len(token.secret.get_secret_value()) < _SHORT:
            yield warn(
                f"token {token.name}", f"shorter than {_SHORT} letters; openssl rand -hex 32"
            )
    for finding in await check_store(settings):
        yield finding
    for finding in check_listener(settings):
        yield finding
    for finding in await check_alertmanagers(settings, http):
        yield finding
    for finding in await check_prometheus(settings, http):
        yield finding
    async with AsyncExitStack() as stack:
        store = await _visit(settings, stack) if arguments.send else None
        for outlet in outlets(settings):
            for finding in await _check_channel(outlet, http, store, send=arguments.send):
                yield finding


async def _visit(settings: Config, stack: AsyncExitStack) -> Store | None:
    """Use the store, so that tests keep its channels' pace; what is wrong with it was said."""
    try:
        return await stack.enter_async_context(drill.visit(settings))
    except (StoreUnavailableError, StoreVersionError):
        return None


async def _check_channel(
    outlet: Outlet, http: aiohttp.ClientSession, store: Store | None, *, send: bool
) -> list[Finding]:
    subject, channel = f"channel {outlet.name}", outlet.channel
    found: list[Finding] = []
    for url in dict.fromkeys(urls_of(channel)):
        found += await check_host(subject, url, http)
    if any(finding.level is Level.FAIL for finding in found):
        return found
    try:
        said = await channel.examine(http)
    except SendError as error:
        detail = one_line(error.detail, channel.secrets)
        return [*found, fail(subject, f"{error.reason}: {detail}")]
    if not send:
        return [*found, ok(subject, said)]
    failure = await drill.attempt(outlet, exercise("info", datetime.now(UTC)), store, http)
    if failure:
        return [*found, fail(subject, str(failure))]
    return [*found, ok(subject, drill.says_ok(outlet))]
