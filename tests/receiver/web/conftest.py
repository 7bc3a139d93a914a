"""A site on a store of its own, and a client that talks to it."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from receiver import app, metrics
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
from tests.receiver.web.prometheus import OTHERS, manage

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


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Run a Prometheus that may be told to reload; returns its address and the managed file."""
    if shutil.which("prometheus") is None:
        pytest.skip("Debian's prometheus is not installed")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "others.yml").write_text(OTHERS)
    config = folder / "prometheus.yml"
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    every = {"evaluation_interval": "200ms", "scrape_interval": "200ms", "scrape_timeout": "200ms"}
    files = [str(folder / "managed.yml"), str(folder / "others.yml")]
    jobs = [
        {"job_name": job, "static_configs": [{"targets": [target]}], "params": {"key": ["x"]}}
        for job, target in (("dead", "127.0.0.1:1"), ("prometheus", address))
    ]
    said = {"global": every, "rule_files": files, "scrape_configs": jobs}
    config.write_text(json.dumps(said))
    options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    options += ["--web.enable-lifecycle", f"--web.listen-address={address}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["prometheus", *options], stderr=log)
    yield f"http://{address}", folder / "managed.yml"
    process.terminate()
    process.wait(timeout=30)


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with app.client() as opened:
        yield opened


@pytest.fixture
def managed(served: tuple[str, Path], site: Site, http: ClientSession) -> Path:
    url, path = served
    path.unlink(missing_ok=True)
    manage(site, http, url, path)
    return path


@pytest.fixture
async def up(managed: Path, site: Site, http: ClientSession) -> Path:
    assert site.prometheus is not None
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            async with http.get(f"{site.prometheus.url}/-/ready") as answer:
                if answer.status == 200:
                    async with http.post(f"{site.prometheus.url}/-/reload") as reloaded:
                        assert reloaded.status == 200
                    return managed
        except OSError:
            pass
        await asyncio.sleep(0.05)
    pytest.fail("Prometheus does not start")
