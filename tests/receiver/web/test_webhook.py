import asyncio
import gzip
import io
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from psycopg import OperationalError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from receiver.intake.ingest import MOST_UNDER_WAY
from receiver.intake.webhook import MAX_ALERTS
from receiver.store.bodies import unpack
from receiver.store.engine import explained
from receiver.store.store import Store
from receiver.web import webhook
from receiver.web.keys import Site
from tests.receiver import refusals
from tests.receiver.clients import Client
from tests.receiver.webhooks import alert, body

PATH = "/webhook/alertmanager"
JSON = {"Content-Type": "application/json"}


def answered(site: Site, code: int) -> float | None:
    labels = {"code": str(code)}
    return site.metrics.registry.get_sample_value("tocsin_webhook_requests_total", labels)


async def test_a_webhook_that_is_answered_200_is_on_disk(
    client: Client, site: Site, database: Path
) -> None:
    answer = await client.post(PATH, data=body(), headers=JSON)
    assert (answer.status, await answer.json()) == (200, {"outcome": "accepted"})
    with closing(sqlite3.connect(database)) as other:
        kept = other.execute("select channel, state from deliveries order by id").fetchall()
        assert kept == [("inbox", "owed"), ("ops", "owed")]
        (parts,) = other.execute("select body from webhooks").fetchall()
        assert unpack(parts) == body()
    assert answered(site, 200) == 1


async def test_what_is_suppressed_is_answered_200_with_the_reason(client: Client) -> None:
    await client.post(PATH, data=body(), headers=JSON)
    answer = await client.post(PATH, data=body(), headers=JSON)
    assert (answer.status, await answer.json()) == (200, {"outcome": "duplicate"})


async def test_a_malformed_webhook_is_400_with_the_place_of_the_error(
    client: Client, site: Site
) -> None:
    bad = body([alert(), alert(), alert() | {"startsAt": "x"}])
    answer = await client.post(PATH, data=bad, headers=JSON)
    assert answer.status == 400
    said = await refusals.read(answer)
    assert said["detail"] == "alerts[2].startsAt: not an RFC 3339 time: 'x'"
    place = {"pointer": "#/alerts/2/startsAt", "detail": "not an RFC 3339 time: 'x'"}
    assert said["errors"] == [place]
    assert answered(site, 400) == 1


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({}, 401, "no token; this needs one of scope ingest or admin"),
        (
            {"Authorization": "Bearer x"},
            401,
            "wrong token; this needs one of scope ingest or admin",
        ),
        (
            {"Authorization": "Bearer read"},
            403,
            "a token of another scope; this needs one of scope ingest or admin",
        ),
    ],
)
async def test_without_the_right_token_nothing_is_read(
    client: Client, site: Site, store: Store, headers: dict[str, str], status: int, error: str
) -> None:
    answer = await client.post(PATH, data=body(), headers=JSON | headers)
    assert (answer.status, (await refusals.read(answer))["detail"]) == (status, error)
    asked = answer.headers.getall("WWW-Authenticate", [])
    assert asked == (['Bearer realm="tocsin"', 'Basic realm="tocsin"'] if status == 401 else [])
    assert await store.queues() == []
    assert answered(site, status) == 1


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("secret", ["ingest", "admin"])
async def test_the_right_token_opens_the_webhook(client: Client, secret: str) -> None:
    headers = JSON | {"Authorization": f"Bearer {secret}"}
    assert (await client.post(PATH, data=body(), headers=headers)).status == 200


async def test_anything_but_json_is_415(client: Client) -> None:
    answer = await client.post(PATH, data=body(), headers={"Content-Type": "text/plain"})
    assert answer.status == 415
    said = await refusals.read(answer)
    assert said["detail"] == "application/json is expected, not text/plain"
    assert await refusals.places(answer) == ["Content-Type"]


async def _chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65536 + 1):
        yield b" " * 65536


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_16_mib_is_413_also_in_chunks(
    client: Client, site: Site, *, chunked: bool
) -> None:
    size = webhook.MAX_BODY
    data = _chunks(size) if chunked else io.BytesIO(b" " * (size + 1))
    answer = await client.post(PATH, data=data, headers=JSON)
    assert answer.status == 413
    said = await refusals.read(answer)
    assert said["detail"] == "over 16777216 bytes; set `max_alerts` in this webhook_config"
    assert answered(site, 413) == 1


async def test_a_body_is_measured_after_it_is_unpacked(client: Client) -> None:
    bomb = gzip.compress(b" " * (webhook.MAX_BODY + 1))
    headers = JSON | {"Content-Encoding": "gzip"}
    assert (await client.post(PATH, data=bomb, headers=headers)).status == 413


async def test_a_body_that_cannot_be_unpacked_is_400(client: Client) -> None:
    headers = JSON | {"Content-Encoding": "gzip"}
    good = gzip.compress(body())
    for bad in (b"not gzip at all", good[:-9], good + b"and more"):
        answer = await client.post(PATH, data=bad, headers=headers)
        assert answer.status == 400
        assert "cannot be unpacked by gzip" in (await answer.json())["detail"]
    assert (await client.post(PATH, data=good, headers=headers)).status == 200


async def test_a_coding_that_is_not_known_is_refused_in_words(client: Client) -> None:
    headers = JSON | {"Content-Encoding": "br"}
    answer = await client.post(PATH, data=b"\x0b\x02\x80", headers=headers)
    assert answer.status == 415
    said = await refusals.read(answer)
    assert said["detail"] == "'br' is not read; pack it by gzip or deflate"


async def test_where_the_database_is_stands_in_the_log_and_in_no_answer(
    client: Client, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        refused = OperationalError('connection to server at "10.0.0.7", port 5432 failed')
        with explained():
            raise DBAPIError("SELECT 1", {}, refused)

    monkeypatch.setattr(store._writer, "together", fail)
    answer = await client.post(PATH, data=body(), headers=JSON)
    assert answer.status == 503
    said = "the store is unavailable, try again: its database is away, or refuses"
    assert (await refusals.read(answer))["detail"] == said
    assert '"10.0.0.7", port 5432' in caplog.text


async def test_a_body_that_does_not_come_is_408(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "_BODY_TIMEOUT", 0.05)
    host, port = client.host, client.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        "Content-Length: 100\r\n\r\n{".encode()
    )
    assert b" 408 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_a_store_that_is_locked_is_503_and_then_the_same_is_accepted(
    client: Client, site: Site, database: Path
) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("begin immediate")
        answer = await client.post(PATH, data=body(), headers=JSON)
        assert answer.status == 503
        said = await refusals.read(answer)
        assert said["detail"] == "the store is unavailable, try again: database is locked"
    answer = await client.post(PATH, data=body(), headers=JSON)
    assert await answer.json() == {"outcome": "accepted"}
    assert answered(site, 503) == 1


async def test_a_full_disk_is_503(client: Client, store: Store) -> None:
    def limit(connection: Connection) -> None:
        connection.exec_driver_sql("pragma max_page_count = 1")

    await store._writer.run(limit)
    many = body([alert(f"{number:016x}") for number in range(2000)])
    answer = await client.post(PATH, data=many, headers=JSON)
    assert answer.status == 503
    assert "full" in (await answer.json())["detail"]


async def test_more_at_once_than_there_is_room_for_is_503_and_later_accepted(
    client: Client, site: Site
) -> None:
    with site.intake.room.hold(MOST_UNDER_WAY - 10_000):
        answer = await client.post(PATH, data=body(), headers=JSON)
        assert answer.status == 503
        assert "are under way" in (await answer.json())["detail"]
    assert (await client.post(PATH, data=body(), headers=JSON)).status == 200
    with site.intake.room.hold(MOST_UNDER_WAY):  # nothing of it is held any longer
        pass
    assert answered(site, 503) == 1


async def test_a_body_of_unknown_size_counts_as_the_largest(client: Client, site: Site) -> None:
    packed = JSON | {"Content-Encoding": "gzip"}
    with site.intake.room.hold(MOST_UNDER_WAY - webhook.MAX_BODY + 1):
        answer = await client.post(PATH, data=gzip.compress(body()), headers=packed)
        assert answer.status == 503
        assert (await client.post(PATH, data=body(), headers=JSON)).status == 200


async def test_a_large_webhook_is_accepted(client: Client) -> None:
    many = body([alert(f"{number:016x}", text="x" * 450) for number in range(MAX_ALERTS)])
    assert 12 * 2**20 < len(many) < webhook.MAX_BODY
    answer = await client.post(PATH, data=io.BytesIO(many), headers=JSON)
    assert (answer.status, await answer.json()) == (200, {"outcome": "accepted"})
