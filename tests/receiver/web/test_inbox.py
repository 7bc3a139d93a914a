import asyncio
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ClientResponse

from receiver.model import Status
from receiver.store.records import Decision, Outcome, Posted
from receiver.store.store import Store
from receiver.web import streaming
from receiver.web.keys import Site
from tests.fakes.alerts import HOSTILE, make_message
from tests.receiver import refusals
from tests.receiver.claiming import claim, settle
from tests.receiver.clients import Client
from tests.receiver.webhooks import START, webhook


async def send(store: Store, title: str, body: str = "the body", **changes: object) -> Posted:
    told = webhook(groupKey=title)
    await store.accept(told, lambda _: Decision(("inbox",)))
    now = START + timedelta(hours=1)
    delivery = await claim(store, "inbox", now, now)
    assert delivery is not None
    message = make_message(body, title=title, **changes)
    await settle(store, delivery, Outcome("sent", message=message), now)
    return (await store.posted(["inbox"], limit=1))[0]


async def page(client: Client, path: str = "/") -> str:
    answer = await client.get(path)
    assert answer.status == 200
    return await answer.text()


async def event(answer: ClientResponse) -> str:
    async with asyncio.timeout(5):
        return (await answer.content.readuntil(b"\n\n")).decode()


async def test_an_empty_inbox_says_so(client: Client) -> None:
    assert "No messages yet." in await page(client)


async def test_messages_are_shown_newest_first_with_severity_in_words_and_local_time(
    client: Client, store: Store
) -> None:
    await send(store, "first", "Instance: web-1")
    await send(store, "second", status=Status.RESOLVED)
    text = await page(client)
    assert text.index("second") < text.index("first")
    assert 'class="critical"' in text
    assert '<span class="badge">Critical</span>' in text
    assert 'class="resolved"' in text
    assert '<span class="badge">Resolved</span>' in text
    assert "Instance: web-1" in text
    assert '<time datetime="2026-11-23T12:00:00+00:00">2026-11-23 20:00:00 UTC+8</time>' in text


@pytest.mark.parametrize("text", [text for text in HOSTILE.values() if text.isprintable()])
async def test_nothing_that_came_with_an_alert_becomes_markup(
    client: Client, store: Store, text: str
) -> None:
    await send(store, text, text)
    shown = await page(client)
    for tag in ("<script>alert", "<b>", "<font", "<!channel>", "<@U"):
        assert tag not in shown
    assert shown.count("<script") == 1


async def test_links_in_a_message_can_be_followed_and_others_are_text(
    client: Client, store: Store
) -> None:
    await send(store, "title", 'see https://wiki.example.com/a?b="c javascript:alert(1)')
    text = await page(client)
    assert '<a href="https://wiki.example.com/a?b=' in text
    assert 'href="javascript' not in text


async def test_older_messages_are_a_page_away(client: Client, store: Store) -> None:
    for number in range(52):
        await send(store, f"message number {number:02}")
    newest = await page(client)
    assert newest.count("<article>") == 50
    assert '<p class="older"><a href="?before=3">' in newest
    older = await page(client, "/?before=3")
    assert older.count("<article>") == 2
    assert '<p class="older" hidden>' in older
    assert "message number 01" in older
    assert "inbox.js" not in older


@pytest.mark.parametrize("before", ["x", "-1", "9" * 30, "٣"])
async def test_a_page_that_cannot_be_is_the_newest(
    client: Client, store: Store, before: str
) -> None:
    await send(store, "title")
    assert "title" in await page(client, f"/?before={before}")


async def test_the_page_runs_no_script_but_its_own_and_is_kept_by_nobody(client: Client) -> None:
    headers = (await client.get("/")).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    text = await page(client)
    assert " style=" not in text
    assert " onclick" not in text
    for name, kind in (("inbox.css", "css"), ("inbox.js", "javascript")):
        assert f"static/{name}" in text
        answer = await client.get(f"/static/{name}")
        assert answer.status == 200
        assert answer.content_type.endswith(f"/{kind}")


async def test_a_new_message_is_streamed_to_the_open_page(
    client: Client, store: Store, site: Site
) -> None:
    answer = await client.get("/events")
    assert answer.content_type == "text/event-stream"
    assert await event(answer) == "retry: 3000\n\n"
    posted = await send(store, "a title", "two\n\nlines")
    site.feed.publish(site.pages.event(posted))
    said = await event(answer)
    assert said.startswith(f"id: {posted.id}\ndata: ")
    assert "a title" in said
    assert all(line.startswith(("id: ", "data: ")) for line in said.strip().splitlines())


async def test_what_a_page_missed_comes_first(client: Client, store: Store) -> None:
    for number in range(3):
        await send(store, f"message number {number}")
    for ask in (
        client.get("/events?after=1"),
        client.get("/events?after=0", headers={"Last-Event-ID": "1"}),
    ):
        answer = await ask
        await event(answer)
        assert (await event(answer)).startswith("id: 2\n")
        assert (await event(answer)).startswith("id: 3\n")
        answer.close()


async def test_a_silent_stream_beats(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_HEARTBEAT", 0.05)
    answer = await client.get("/events")
    await event(answer)
    assert await event(answer) == ": still here\n\n"


async def test_too_many_streams_are_turned_away(client: Client) -> None:
    opened = [await client.get("/events") for _ in range(2)]
    answer = await client.get("/events")
    assert answer.status == 503
    assert (await refusals.read(answer))["detail"] == "too many pages are open"
    for stream in opened:
        stream.close()


async def test_streams_end_when_the_server_stops(client: Client, site: Site) -> None:
    answer = await client.get("/events")
    await event(answer)
    site.feed.close()
    assert await answer.content.read() == b""


async def test_a_store_that_cannot_be_read_is_said(client: Client, database: Path) -> None:
    with sqlite3.connect(database) as other:
        other.execute("alter table deliveries rename to gone")
    other.close()
    answer = await client.get("/")
    assert answer.status == 503
    assert answer.content_type == "text/html"
    assert "The store cannot be read now." in await answer.text()
    assert (await client.get("/events?after=0")).status == 503


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("path", ["/", "/events"])
async def test_pages_need_a_token_of_scope_read_also_as_a_password(
    client: Client, path: str
) -> None:
    assert (await client.get(path)).status == 401
    answer = await client.get(path, headers={"Authorization": "Basic YnJvd3NlcjpyZWFk"})
    assert answer.status == 200
    answer.close()


@pytest.mark.usefixtures("guarded")
async def test_a_reader_without_a_token_is_told_what_to_enter(client: Client) -> None:
    for token, status in (("wrong", 401), ("ingest", 403)):
        answer = await client.get("/", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status, answer.content_type) == (status, "text/html")
        assert "A token of scope read, operate or admin" in await answer.text()
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
