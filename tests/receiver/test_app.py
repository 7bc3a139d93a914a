import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientSession, TCPConnector

from receiver import app, config, outlets
from receiver.channels.addresses import GuardedResolver
from receiver.config import Config
from tests.fakes.alerts import make_message
from tests.fakes.slack import FakeSlack
from tests.receiver import refusals
from tests.receiver.webhooks import alert, body

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    document = {"listen": "127.0.0.1:0", "channels": {"inbox": {"type": "inbox"}}}
    path = tmp_path / "receiver.yml"
    path.write_text(yaml.safe_dump(document))
    return config.load(path)


async def tell(http: ClientSession, url: str, raw: bytes) -> None:
    async with http.post(f"{url}/webhook/alertmanager", data=raw, headers=JSON) as answer:
        assert answer.status == 200


async def test_a_webhook_becomes_a_message_on_the_open_page_and_in_the_metrics(
    settings: Config, http: ClientSession
) -> None:
    async with app.running(settings) as url, http.get(f"{url}/events?after=0") as events:
        await events.content.readuntil(b"\n\n")
        await tell(http, url, body([alert("web-1")]))
        async with asyncio.timeout(10):
            event = (await events.content.readuntil(b"\n\n")).decode()
        assert "Down on web-1" in event
        async with http.get(url) as page:
            assert "Down on web-1" in await page.text()
        async with http.get(f"{url}/metrics") as page:
            sent = 'tocsin_notifications_total{channel="inbox",outcome="sent"} 1.0'
            assert sent in await page.text()


def take_away(deed: str) -> None:
    home = Path(os.environ["TOCSIN_HOME"])
    for path in home.glob("tocsin.db-wal" if deed == "without its log" else "tocsin.db*"):
        path.unlink()
    if deed == "replaced":
        (home / "tocsin.db").write_bytes(b"a copy")


@pytest.mark.parametrize("deed", ["removed", "replaced", "without its log"])
async def test_a_store_that_is_taken_away_refuses_webhooks_and_what_it_owes_is_sent(
    deed: str,
    tmp_path: Path,
    http: ClientSession,
    slack: FakeSlack,
    secret_file: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("receiver.store.space._FRESH", 0.0)
    monkeypatch.setattr("receiver.web.health._FRESH", 0.0)
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    chat = {"type": "slack", "url_file": secret_file("slack.url", slack.hook)}
    path = tmp_path / "receiver.yml"
    path.write_text(yaml.safe_dump({"listen": "127.0.0.1:0", "channels": {"chat": chat}}))
    slack.next.append("hangs")
    async with app.running(config.load(path)) as url:
        await tell(http, url, body([alert("web-1")]))
        async with asyncio.timeout(10):
            while not slack.seen:  # noqa: ASYNC110 -- the other side tells no event
                await asyncio.sleep(0.01)
        take_away(deed)
        raw = body([alert("web-2")], groupKey="another")
        async with http.post(f"{url}/webhook/alertmanager", data=raw, headers=JSON) as answer:
            assert (answer.status, "restart" in await answer.text()) == (503, True)
        async with http.get(f"{url}/-/ready") as answer:
            assert answer.status == 503
        slack.released.set()
        async with asyncio.timeout(10):
            while not slack.messages:  # noqa: ASYNC110 -- the other side tells no event
                await asyncio.sleep(0.01)


async def test_a_store_that_is_damaged_while_it_runs_is_not_ready_until_it_can_be_written(
    http: ClientSession, settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.web.health._FRESH", 0.0)
    path = settings.database
    assert isinstance(path, Path)
    async with app.running(settings) as url:
        await tell(http, url, body([alert("web-1")]))
        with closing(sqlite3.connect(path)) as other:  # so that pages are read from the file
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sound = path.read_bytes()
        page = 4096
        path.write_bytes(sound[:page] + b"\xff" * (len(sound) - page))
        raw = body([alert("web-2")], groupKey="another")
        async with http.post(f"{url}/webhook/alertmanager", data=raw, headers=JSON) as answer:
            assert answer.status == 503
        async with http.get(f"{url}/-/ready") as answer:
            assert answer.status == 503


@pytest.mark.parametrize(("coding", "status"), [("gzip", 400), ("br", 415)])
async def test_a_packed_body_that_cannot_be_read_is_refused_in_json_without_a_traceback(
    coding: str,
    status: int,
    settings: Config,
    http: ClientSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with app.running(settings) as url:
        answer = await http.post(
            f"{url}/webhook/alertmanager",
            data=b"not packed",
            headers=JSON | {"Content-Encoding": coding},
        )
        assert (answer.status, (await refusals.read(answer))["status"]) == (status, status)
    assert not [record for record in caplog.records if record.exc_info]


async def test_stopping_ends_the_pages_that_are_open(settings: Config, http: ClientSession) -> None:
    async with app.running(settings) as url:
        events = await http.get(f"{url}/events")
    assert await events.content.read() == b"retry: 3000\n\n"


async def test_what_an_earlier_run_left_is_taken_up(settings: Config, http: ClientSession) -> None:
    watchdog = alert("dd", alertname="Watchdog")
    async with app.running(settings) as url:
        await tell(http, url, body([watchdog]))
    async with app.running(settings) as url, http.get(f"{url}/metrics") as page:
        name = "tocsin_watchdog_last_received_timestamp_seconds "
        (line,) = (x for x in (await page.text()).splitlines() if x.startswith(name))
    assert 0 <= datetime.now(UTC).timestamp() - float(line.split()[1]) < 60


async def test_a_worker_that_dies_takes_the_process_down(
    settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("receiver.delivery.worker.Worker.run", die)
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(10), app.running(settings):
            await asyncio.Event().wait()
    assert caught.group_contains(ZeroDivisionError)


@pytest.mark.parametrize(
    ("own", "note"), [({}, "行未显示"), ({"language": "en"}, "more lines left out")]
)
async def test_what_a_channel_adds_to_a_message_is_in_its_language_or_the_receiver_s(
    own: dict[str, str],
    note: str,
    slack: FakeSlack,
    http: ClientSession,
    secret_file: Callable[[str, str], str],
) -> None:
    chat = {"type": "slack", "url_file": secret_file("slack.url", slack.hook), **own}
    settings = config.decode({"language": "zh", "channels": {"chat": chat}}, Path("receiver.yml"))
    (outlet,) = outlets.outlets(settings)
    await outlet.channel.send(make_message("a line of it\n" * 2000), http)
    assert note in slack.texts[0]


async def test_the_client_looks_names_up_with_the_guard() -> None:
    async with app.client() as client:
        assert isinstance(client.connector, TCPConnector)
        assert isinstance(client.connector._resolver, GuardedResolver)


def test_messages_lead_to_the_inbox_except_those_in_it() -> None:
    channels = {"page": {"type": "inbox"}, "screen": {"type": "terminal"}}
    settings = config.decode(
        {"external_url": "https://tocsin.example.com", "channels": channels}, Path("receiver.yml")
    )
    links = {outlet.name: outlet.style.external_url for outlet in outlets.outlets(settings)}
    assert links == {"page": "", "screen": "https://tocsin.example.com"}
