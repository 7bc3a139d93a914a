import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver.intake.webhook import parse
from receiver.store import space
from receiver.store.records import Decision, Webhook
from receiver.store.store import Store
from tests.receiver.clients import Client
from tests.receiver.webhooks import body


async def page(client: Client, **headers: str) -> str:
    answer = await client.get("/metrics", headers=headers)
    assert answer.status == 200
    return await answer.text()


async def test_queues_are_counted_at_each_scrape(client: Client, store: Store) -> None:
    assert 'tocsin_queue_deliveries{channel="ops"} 0.0' in await page(client)
    told = Webhook(body(), parse(body()), datetime.now(UTC) - timedelta(seconds=90))
    await store.accept(told, lambda _: Decision(("ops",)))
    text = await page(client)
    assert 'tocsin_queue_deliveries{channel="ops"} 1.0' in text
    assert 'tocsin_queue_deliveries{channel="inbox"} 0.0' in text
    assert 'tocsin_incidents{state="open"} 1.0' in text
    (age,) = (
        float(line.split()[1])
        for line in text.splitlines()
        if line.startswith('tocsin_queue_oldest_seconds{channel="ops"}')
    )
    assert 90 <= age < 150


async def test_every_known_label_set_starts_at_zero(client: Client) -> None:
    text = await page(client)
    for series in (
        'tocsin_receiver_build_info{version="1.2.3"} 1.0',
        "tocsin_store_up 1.0",
        'tocsin_webhook_requests_total{code="503"} 0.0',
        'tocsin_alerts_received_total{status="resolved"} 0.0',
        'tocsin_notifications_total{channel="ops",outcome="dead"} 0.0',
        'tocsin_notifications_suppressed_total{reason="stale"} 0.0',
        'tocsin_notification_errors_total{channel="ops",reason="timeout"} 0.0',
        'tocsin_notification_delay_seconds_count{channel="ops"} 0.0',
        "tocsin_watchdog_last_received_timestamp_seconds 0.0",
    ):
        assert f"\n{series}\n" in f"\n{text}"
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text


async def test_openmetrics_is_given_to_who_asks_for_it(client: Client) -> None:
    answer = await client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.content_type == "application/openmetrics-text"
    assert (await answer.text()).endswith("# EOF\n")


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
async def test_promtool_has_nothing_to_say_about_the_metrics(client: Client) -> None:
    text = await page(client)
    promtool = ["promtool", "check", "metrics"]
    checked = subprocess.run(  # noqa: ASYNC221 -- nothing else runs meanwhile
        promtool, input=text, text=True, capture_output=True, check=False, timeout=30
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


async def test_a_store_that_is_locked_is_seen_and_the_process_stays_healthy(
    client: Client, database: Path
) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("begin immediate")
        ready = await client.get("/-/ready")
        assert (ready.status, await ready.text()) == (503, "the store cannot be written\n")
        text = await page(client)
        assert "tocsin_store_up 0.0" in text
        assert "tocsin_queue_deliveries{" not in text
        assert (await client.get("/-/healthy")).status == 200


async def test_a_disk_without_room_for_a_webhook_is_seen_before_one_comes(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.store.space._FRESH", 0.0)
    usage = shutil.disk_usage("/")._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(space, "_FRESH", 0.0)
    assert (await client.get("/-/ready")).status == 503
    assert "tocsin_store_up 0.0" in await page(client)


async def test_a_file_that_was_set_aside_is_shown_until_somebody_takes_it_away(
    client: Client, database: Path
) -> None:
    assert "tocsin_store_damaged_files 0.0" in await page(client)
    kept = database.with_name("tocsin.db.damaged-20261128T120000Z")
    kept.touch()
    assert "tocsin_store_damaged_files 1.0" in await page(client)
    kept.unlink()
    assert "tocsin_store_damaged_files 0.0" in await page(client)


async def test_a_store_that_works_is_ready(client: Client) -> None:
    ready = await client.get("/-/ready")
    assert (ready.status, await ready.text()) == (200, "ready\n")


@pytest.mark.usefixtures("guarded")
async def test_metrics_need_a_token_of_scope_read_and_health_needs_none(client: Client) -> None:
    assert (await client.get("/metrics")).status == 401
    assert (await client.get("/metrics", headers={"Authorization": "Bearer ingest"})).status == 403
    assert "tocsin_store_up" in await page(client, Authorization="Bearer read")
    for path in ("/-/healthy", "/-/ready"):
        assert (await client.get(path)).status == 200
