"""Whoever listens is told which incident changed, whichever receiver changed it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse

from receiver.intake.webhook import parse
from receiver.model import Act
from receiver.store.audit import Change
from receiver.store.incidents import Incident
from receiver.store.records import Decision, Known
from receiver.store.store import Store
from receiver.web.changes import Changes, differences
from receiver.web.keys import Site
from tests.receiver.clients import Client
from tests.receiver.webhooks import START, alert, webhook

URL = "/api/v1/incidents/stream"
ONE = Incident(1, "Down", "critical", "tocsin", "a", START, None)


def owed(_: Known) -> Decision:
    return Decision(("ops",))


@pytest.fixture
async def other(database: Path) -> AsyncIterator[Store]:
    """The same store, as another receiver has it."""
    async with Store.visit(database, parse) as opened:
        yield opened


async def listen(client: Client, site: Site) -> ClientResponse:
    site.changes = Changes(site.store, period=0.02)
    answer = await client.get(URL)
    assert answer.status == 200
    assert answer.content_type == "text/event-stream"
    assert await answer.content.readuntil(b"\n\n") == b"retry: 3000\n\n"
    return answer


async def heard(answer: ClientResponse) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        said = (await answer.content.readuntil(b"\n\n")).decode()
    kind, data = said.strip().splitlines()
    assert kind == "event: incidents"
    told: list[dict[str, Any]] = json.loads(data.removeprefix("data: "))["incidents"]
    return told


async def test_a_new_one_one_that_is_taken_and_one_that_is_over_are_told(
    client: Client, site: Site, other: Store
) -> None:
    await other.accept(webhook(groupKey="before"), owed)
    answer = await listen(client, site)
    await other.accept(webhook(groupKey="a"), owed)
    assert await heard(answer) == [{"id": 2, "state": "open"}]
    taken = Act("acknowledge", "Ada", other.now())
    await other.handling.acknowledge(2, taken, Change("ada", "acknowledge"))
    assert await heard(answer) == [{"id": 2, "state": "acknowledged"}]
    await other.accept(webhook([alert(status="resolved")], groupKey="a"), owed)
    assert await heard(answer) == [{"id": 2, "state": "resolved"}]


async def test_a_store_that_is_away_for_a_while_ends_no_stream(
    client: Client, site: Site, other: Store, database: Path
) -> None:
    answer = await listen(client, site)
    with sqlite3.connect(database) as raw:
        raw.execute("alter table incidents rename to gone")
        await asyncio.sleep(0.1)
        raw.execute("alter table gone rename to incidents")
    raw.close()
    await other.accept(webhook(), owed)
    assert await heard(answer) == [{"id": 1, "state": "open"}]


async def test_nobody_looks_while_nobody_listens(client: Client, site: Site, store: Store) -> None:
    answer = await listen(client, site)
    answer.close()
    async with asyncio.timeout(10):
        while site.changes.feed.is_heard:
            await store.accept(webhook([alert(str(store.now()))]), owed)
            await asyncio.sleep(0.02)
    watching = site.changes._watching
    assert watching is not None
    await asyncio.wait_for(watching, 10)


async def test_streams_are_bounded_and_end_with_the_server(client: Client, site: Site) -> None:
    answer = await listen(client, site)
    site.changes.feed._most = 1
    assert (await client.get(URL)).status == 503
    await site.changes.close()
    assert await answer.content.read() == b""


@pytest.mark.usefixtures("guarded")
async def test_a_token_of_scope_read_is_needed(client: Client) -> None:
    assert (await client.get(URL)).status == 401
    for scope, status in (("ingest", 403), ("read", 200)):
        answer = await client.get(URL, headers={"Authorization": f"Bearer {scope}"})
        assert answer.status == status
        answer.close()
    assert (await client.head(URL)).status == 405


def test_what_is_no_longer_among_the_open_is_over_and_what_was_over_is_no_news() -> None:
    over = replace(ONE, id=2, resolved_at=START)
    assert dict(differences({1: ONE, 2: over}, {})) == {1: "resolved"}
    assert dict(differences({1: ONE, 2: over}, {1: replace(ONE, firing=3), 2: over})) == {1: "open"}


async def test_the_page_has_rows_that_can_be_exchanged_and_works_without_scripts(
    client: Client, store: Store
) -> None:
    empty = await (await client.get("/incidents")).text()
    assert '<p id="empty" class="notice">Nothing is like that.' in empty
    await store.accept(webhook(), owed)
    page = await (await client.get("/incidents")).text()
    assert '<li id="i1"' in page
    assert '<p id="empty" class="notice" hidden>' in page
    assert "Reload the page to see what changed" in page
    assert (await client.get("/static/cases.js")).status == 200
