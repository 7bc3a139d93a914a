"""Whatever is posted, the answer is 200 or a 4xx in words, never a 500 and never a traceback."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL

from receiver import metrics
from receiver.incidents.quiet.keeping import Rules
from receiver.incidents.quiet.planning import Planning
from receiver.intake.ingest import Intake
from receiver.intake.webhook import parse
from receiver.messages.route import Route
from receiver.model import Language
from receiver.signing import Signer
from receiver.store.store import Store
from receiver.web.feed import Feed
from receiver.web.health import Health
from receiver.web.keys import Site
from receiver.web.pages import Pages
from receiver.web.server import application
from tests.fakes.postgres import Postgres
from tests.receiver.clients import Client
from tests.receiver.webhooks import alert, document, grafana

TEXT = st.text(max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
TIMES = st.datetimes().map(lambda t: f"{t.isoformat()}Z") | st.sampled_from(
    ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59-18:00", ""]
)
LABELS = st.dictionaries(TEXT, TEXT, max_size=4)


def alerts(labels: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    one = st.builds(
        lambda **said: alert() | said,
        status=st.sampled_from(["firing", "resolved"]),
        labels=labels,
        annotations=labels,
        startsAt=TIMES,
        endsAt=TIMES,
        fingerprint=TEXT,
        generatorURL=TEXT,
    )
    return st.lists(one, min_size=1, max_size=4)


def webhooks(
    said: st.SearchStrategy[Any], changes: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    bases = st.sampled_from([document, grafana])
    return st.builds(lambda base, said, new: base() | {"alerts": said} | new, bases, said, changes)


CHANGES = st.dictionaries(st.sampled_from(sorted(document())), JSON | TEXT, max_size=2)
STRANGE, ODD = webhooks(alerts(LABELS | JSON), CHANGES), webhooks(alerts(LABELS), st.just({}))
"""What may be refused, and what is odd but well formed, so that enough is accepted."""
BODIES = st.binary(max_size=200) | STRANGE | ODD | JSON
PATHS = st.sampled_from(["/webhook/alertmanager", "/webhook/grafana"])


def raw(said: Any) -> bytes:
    if isinstance(said, bytes):
        return said
    try:
        return orjson.dumps(said)
    except orjson.JSONEncodeError:  # a surrogate alone has no UTF-8, yet anybody can send one
        return repr(said).encode("utf-8", "surrogatepass")


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Path | URL:
    if request.param == "sqlite":
        return tmp_path / "tocsin.db"
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.database()


@contextmanager
def posting(database: Path | URL) -> Iterator[Callable[[str, bytes], tuple[int, str]]]:
    """Run a site; yields what posts to it."""

    async def start() -> tuple[Store, Client]:
        store = await Store.open(database, parse)
        client = TestClient(TestServer(application(site_on(store))))
        await client.start_server()
        return store, client

    async def post(path: str, body: bytes) -> tuple[int, str]:
        headers = {"Content-Type": "application/json"}
        async with client.post(path, data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    with asyncio.Runner() as runner:
        store, client = runner.run(start())
        try:
            yield lambda path, body: runner.run(post(path, body))
        finally:
            runner.run(client.close())
            runner.run(store.close())


def site_on(store: Store) -> Site:
    numbers = metrics.create("0", ["ops"])
    return Site(
        intake=Intake(store, (Route(channels=("ops",)),), numbers, lambda _: None),
        store=store,
        metrics=numbers,
        health=Health(store),
        feed=Feed(),
        pages=Pages(Language.EN, "UTC"),
        tokens=(),
        inboxes=(),
        channels=("ops",),
        signer=Signer(bytes(32)),
        planning=Planning(store, Rules),
    )


def test_whatever_is_posted_is_accepted_or_refused_in_words(stores: Path | URL) -> None:
    seen: Counter[int] = Counter()
    with posting(stores) as post:

        @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
        @given(PATHS, BODIES)
        def fuzz(path: str, said: Any) -> None:
            status, text = post(path, raw(said))
            seen[status] += 1
            assert status in {200, 400}, text
            said = set(orjson.loads(text))
            assert said == {"outcome"} if status == 200 else said >= {"type", "title", "detail"}
            assert "Traceback" not in text

        fuzz()
    print(dict(seen))
    assert seen[200] >= 10
    assert seen[400] >= 10


# What a database refuses or a clock cannot hold, each once for certain.
UGLY = [
    document([alert("\0")], groupKey="\0", receiver="\0"),
    document([alert() | {"labels": {"\0": "\0\0"}}]),
    document([alert() | {"startsAt": "9999-12-31T23:59:59.999999999Z"}]),
    document([alert() | {"startsAt": "0001-01-01T00:00:00Z"}]),
    document([alert("é" * 3000)], groupKey="g" * 3000),
    document([alert("x"), alert("x"), alert("x", "resolved"), alert("x", minute=3)]),
    document([alert()], groupKey="", receiver=""),
]


def test_what_a_database_might_choke_on_is_accepted(stores: Path | URL) -> None:
    with posting(stores) as post:
        for said in UGLY:
            status, text = post("/webhook/alertmanager", orjson.dumps(said))
            assert status == 200, (said, text)
