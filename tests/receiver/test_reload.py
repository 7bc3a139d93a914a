import asyncio
import os
import signal
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientError, ClientSession

from receiver import app, config
from receiver.config import Config
from tests.fakes.certs import Certificates
from tests.fakes.slack import FakeSlack
from tests.receiver.webhooks import alert, body

JSON = {"Content-Type": "application/json"}
RELOADED = "tocsin_config_last_reload_successful"


class Running:
    """A receiver with a file that can be changed."""

    def __init__(self, path: Path, http: ClientSession) -> None:
        self.path = path
        self.http = http
        self.url = ""

    def write(self, **document: Any) -> None:
        self.path.write_text(yaml.safe_dump({"listen": "127.0.0.1:0", **document}))

    def load(self) -> Config:
        return config.load(self.path)

    async def reload(self, **headers: str) -> tuple[int, str]:
        async with self.http.post(f"{self.url}/-/reload", headers=headers) as answer:
            return answer.status, await answer.text()

    async def tell(self, name: str) -> None:
        url, said = f"{self.url}/webhook/alertmanager", body([alert(name)], groupKey=name)
        async with self.http.post(url, data=said, headers=JSON) as answer:
            assert answer.status == 200, await answer.text()

    async def series(self, name: str) -> str:
        async with self.http.get(f"{self.url}/metrics") as page:
            lines = (await page.text()).splitlines()
        return next(line.rpartition(" ")[2] for line in lines if line.startswith(name))


@pytest.fixture
async def running(
    tmp_path: Path, http: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    it = Running(tmp_path / "receiver.yml", http)
    it.write(channels={"inbox": {"type": "inbox"}})
    async with app.running(it.load(), it.load) as it.url:
        yield it


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 -- the other side tells no event
            await asyncio.sleep(0.01)


async def test_a_channel_that_is_new_in_the_file_gets_messages_after_a_reload(
    running: Running, slack: FakeSlack, secret_file: Callable[[str, str], str]
) -> None:
    chat = {"type": "slack", "url_file": secret_file("slack.url", slack.hook)}
    running.write(channels={"chat": chat})
    assert await running.reload() == (200, "reloaded\n")
    await running.tell("web-1")
    await until(lambda: len(slack.messages) == 1)
    assert await running.series(RELOADED) == "1.0"


async def test_a_file_that_is_wrong_is_refused_in_words_and_the_old_one_stays_in_force(
    running: Running,
) -> None:
    running.write(channels={"inbox": {"type": "inbox"}}, langauge="zh")
    status, said = await running.reload()
    assert status == 500
    assert "langauge: unknown key" in said
    assert await running.series(RELOADED) == "0.0"
    await running.tell("web-1")
    sent = 'tocsin_notifications_total{channel="inbox",outcome="sent"}'
    async with asyncio.timeout(10):
        while await running.series(sent) != "1.0":  # noqa: ASYNC110 -- a scrape tells no event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("text", ["", "listen: 127.0.0.1:0\n", "langua"])
async def test_a_file_that_somebody_is_writing_is_no_configuration(
    running: Running, text: str, secret_file: Callable[[str, str], str]
) -> None:
    read = {"name": "ada", "scope": "read", "file": secret_file("ada.token", "0123456789")}
    running.write(channels={"filed": {"type": "inbox"}}, tokens=[read])
    shown = {"Authorization": "Bearer 0123456789"}
    assert (await running.reload())[0] == 200
    running.path.write_text(text)
    status, said = await running.reload(**shown)
    assert status == 500
    assert "none is left" in said or "mapping" in said
    async with running.http.get(f"{running.url}/api/v1/notifications") as answer:
        assert answer.status == 401  # what was in force still is


async def test_a_template_that_would_fail_is_refused_and_the_old_one_goes_on(
    running: Running, slack: FakeSlack, secret_file: Callable[[str, str], str]
) -> None:
    chat = {"type": "slack", "url_file": secret_file("slack.url", slack.hook)}
    own = running.path.parent / "own/en/title.txt.j2"
    own.parent.mkdir(parents=True)
    own.write_text("Good: {{ view.names[0] }}{# bare #}", "utf-8")
    running.write(channels={"chat": chat}, templates="own")
    status, said = await running.reload()
    assert status == 500
    assert f"receiver.yml: templates: {own}: line 1: UndefinedError" in said
    assert "(on the sample 'bare')" in said
    assert await running.series(RELOADED) == "0.0"
    own.write_text("Good: {{ view.names | join }}", "utf-8")
    assert (await running.reload())[0] == 200
    own.write_text("{{", "utf-8")
    assert (await running.reload())[0] == 500
    await running.tell("web-1")
    await until(lambda: len(slack.messages) == 1)
    assert slack.messages[0]["text"] == "Good: Down"


async def test_sighup_reloads_too(running: Running) -> None:
    running.write(channels={"inbox": {"type": "inbox"}}, language="zh")
    os.kill(os.getpid(), signal.SIGHUP)
    async with asyncio.timeout(10):
        while True:
            async with running.http.get(running.url) as page:
                if 'lang="zh"' in await page.text():
                    return
            await asyncio.sleep(0.01)


async def test_a_changed_channel_goes_on_after_its_message_in_flight(
    running: Running, slack: FakeSlack, secret_file: Callable[[str, str], str]
) -> None:
    chat = {"type": "slack", "url_file": secret_file("slack.url", slack.hook)}
    running.write(channels={"chat": chat})
    await running.reload()
    slack.next.append("hangs")
    await running.tell("web-1")
    await until(lambda: len(slack.seen) == 1)
    running.write(channels={"chat": {**chat, "language": "zh"}})
    assert (await running.reload())[0] == 200
    await running.tell("web-2")
    await asyncio.sleep(0.2)
    assert len(slack.seen) == 1  # nobody is asked twice at once
    slack.released.set()
    await until(lambda: len(slack.messages) == 2)


async def test_messages_for_a_channel_that_is_gone_are_given_up(
    running: Running, slack: FakeSlack, secret_file: Callable[[str, str], str]
) -> None:
    chat = {"type": "slack", "url_file": secret_file("slack.url", slack.hook)}
    running.write(channels={"chat": chat, "inbox": {"type": "inbox"}})
    await running.reload()
    slack.next.extend([503] * 100)
    await running.tell("web-1")
    await until(lambda: len(slack.seen) == 1)
    running.write(channels={"inbox": {"type": "inbox"}})
    await running.reload()
    async with running.http.get(f"{running.url}/metrics") as page:
        said = await page.text()
    assert 'tocsin_queue_deliveries{channel="chat"}' not in said
    assert 'tocsin_notifications_total{channel="chat",outcome="dead"} 1.0' in said


async def test_what_a_channel_that_goes_has_in_flight_is_given_up_later(
    tmp_path: Path,
    http: ClientSession,
    slack: FakeSlack,
    secret_file: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("receiver.watching._PERIOD", 0.05)
    chat = {"type": "slack", "url_file": secret_file("slack.url", slack.hook)}
    it = Running(tmp_path / "receiver.yml", http)
    it.write(channels={"chat": chat, "inbox": {"type": "inbox"}})
    slack.next.append("hangs")
    async with app.running(it.load(), it.load) as it.url:
        await it.tell("web-1")
        await until(lambda: len(slack.seen) == 1)
        it.write(channels={"inbox": {"type": "inbox"}})
        await it.reload()
        dead = 'tocsin_notifications_total{channel="chat",outcome="dead"}'
        assert await it.series(dead) == "0.0"
        slack.released.set()  # an answer that is none of Slack's
        async with asyncio.timeout(10):
            while await it.series(dead) != "1.0":  # noqa: ASYNC110 -- a scrape tells no event
                await asyncio.sleep(0.01)


async def test_who_may_reload_is_asked_and_every_reload_is_in_the_audit(
    running: Running, tmp_path: Path
) -> None:
    assert (await running.reload(Origin="https://elsewhere.example.com"))[0] == 403
    (tmp_path / "root").write_text("r00t-secret")
    root = {"name": "root", "scope": "admin", "file": "root"}
    running.write(channels={"inbox": {"type": "inbox"}}, tokens=[root])
    assert (await running.reload())[0] == 200
    assert (await running.reload())[0] == 401
    shown = {"Authorization": "Bearer r00t-secret"}
    running.write(nonsense=True)
    assert (await running.reload(**shown))[0] == 500
    async with running.http.get(f"{running.url}/api/v1/audit", headers=shown) as answer:
        found = await answer.json()
    told = [(one["who"], one["action"], one["detail"]) for one in found["changes"]]
    assert told == [
        ("root", "reload", "refused"),
        ("anybody at 127.0.0.1", "reload", "in force"),
    ]
    assert found["next"] is None


async def test_https_asks_clients_for_a_certificate_whose_name_is_a_token(
    tmp_path: Path,
    http: ClientSession,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    it = Running(tmp_path / "receiver.yml", http)
    tls = {
        "certificate_file": str(certificates.certificate),
        "key_file": str(certificates.key),
        "client_ca_file": str(certificates.authority),
    }
    tokens = [
        {"name": "am", "scope": "ingest", "certificate": "localhost"},
        {"name": "somebody", "scope": "read", "certificate": "another.example.com"},
    ]
    it.write(tls=tls, tokens=tokens)
    trusting = ssl.create_default_context(cafile=str(certificates.authority))
    known = ssl.create_default_context(cafile=str(certificates.authority))
    known.load_cert_chain(certificates.certificate, certificates.key)
    async with app.running(it.load()) as url:
        assert url.startswith("https://")
        with pytest.raises((ClientError, ConnectionError)):
            await http.get(f"{url}/-/healthy", ssl=trusting)
        async with http.post(
            f"{url}/webhook/alertmanager", data=body(), headers=JSON, ssl=known
        ) as answer:
            assert answer.status == 200, await answer.text()
        async with http.get(f"{url}/metrics", ssl=known) as answer:
            assert answer.status == 403
