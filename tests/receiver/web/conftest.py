"""A site on a store of its own, and a client that talks to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from receiver import metrics
from receiver.incidents.quiet.keeping import Rules
from receiver.incidents.quiet.planning import Planning
from receiver.incidents.quiet.windows import Window
from receiver.intake.ingest import Intake
from receiver.messages.route import Route
from receiver.model import Language
from receiver.signing import Signer
from receiver.store.store import Store
from receiver.web.auth import Scope, Token
from receiver.web.feed import Feed
from receiver.web.health import Health
from receiver.web.keys import Site
from receiver.web.pages import Pages
from receiver.web.server import application
from tests.receiver.clients import Client

CHANNELS = ("inbox", "ops")
FIXED = (
    Window.model_validate(
        {"name": "backup", "matchers": ['job="backup"'], "start": "2026-11-01", "duration": "2h"}
        | {"rrule": "FREQ=DAILY"}
    ),
)


@pytest.fixture
def tokens() -> list[Token]:
    """Tokens of the site; tests that want some override this."""
    return []


@pytest.fixture
def site(store: Store, tokens: list[Token]) -> Site:
    numbers = metrics.create("1.2.3", CHANNELS)
    routes = (Route(channels=CHANNELS),)
    planning = Planning(store, lambda: Rules(FIXED, zone="Asia/Shanghai"))
    return Site(
        intake=Intake(store, routes, numbers, lambda _: None, quiet=planning.quiet),
        store=store,
        metrics=numbers,
        health=Health(store),
        feed=Feed(most=2),
        pages=Pages(Language.EN, "Asia/Shanghai"),
        tokens=tokens,
        inboxes=("inbox",),
        channels=CHANNELS,
        signer=Signer(bytes(32)),
        planning=planning,
    )


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Client]:
    server = TestServer(application(site))
    await server.start_server(auto_decompress=False)  # as the receiver does
    async with TestClient(server) as opened:
        yield opened


@pytest.fixture
def guarded(tokens: list[Token]) -> list[Token]:
    """Give the site a token of each scope that is called like it."""
    tokens += [
        Token.model_construct(name=scope.value, scope=scope, secret=SecretStr(scope.value))
        for scope in Scope
    ]
    return tokens


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "tocsin.db"
