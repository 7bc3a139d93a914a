"""Load on this machine, seen in /proc, told on every channel, through real servers."""

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from aiohttp import ClientSession

from deploy import demo
from deploy.home import Ports, prepare
from deploy.stack import Stack
from deploy.up import make_services
from tests.deploy.kit import free_ports
from tests.e2e import debian
from tests.fakes.certs import Certificates
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.slack import FakeSlack
from tests.fakes.smtp import FakeSmtp

ALERT = "ManyRun"
_PATIENCE = 60

# How many run, unlike how busy the CPUs are, tells our load from that of others on this machine.
_RULE = """
groups:
  - name: load
    rules:
      - alert: ManyRun
        expr: node_procs_running > LIMIT
        for: 2s
        labels: {severity: critical}
        annotations:
          summary: Many processes want a CPU
          description: '{{ $value }} processes run or wait for a CPU.'
"""
_MARGIN = 4
"""How far the others may go beyond what they were seen to do."""


@pytest.fixture(params=["installed", "trixie", "sid"])
def servers(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put the Prometheus and Alertmanager to test first on the PATH."""
    if request.param != "installed":
        programs = debian.fetch(request.param, tmp_path / "newer")
        monkeypatch.setenv("PATH", str(programs), prepend=":")


@pytest.fixture
async def mail(certificates: Certificates) -> AsyncIterator[FakeSmtp]:
    """A mail server that wants STARTTLS and a password."""
    async with FakeSmtp(certificates, user="ops@example.com") as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, dingtalk: FakeDingTalk, slack: FakeSlack, mail: FakeSmtp) -> Path:
    """A state folder whose receiver tells all of its channels."""
    folder = tmp_path / "home"
    secrets = {
        "robot.url": dingtalk.url,
        "robot.secret": dingtalk.secret,
        "slack.url": slack.hook,
        "slack.token": slack.token,
        "mail.password": mail.password,
    }
    (folder / "secrets").mkdir(parents=True)
    for name, secret in secrets.items():
        (folder / "secrets" / name).write_text(secret)
    channels = {
        "robot": {
            "type": "dingtalk",
            "language": "zh",
            "url_file": "secrets/robot.url",
            "secret_file": "secrets/robot.secret",
        },
        "hook": {"type": "slack", "url_file": "secrets/slack.url"},
        "bot": {
            "type": "slack",
            "token_file": "secrets/slack.token",
            "channel": "#ops",
            "api_url": slack.api,
        },
        "mail": {
            "type": "email",
            "smtp": mail.url,
            "password_file": "secrets/mail.password",
            "to": ["oncall@example.com"],
            "ca_file": str(mail.certificates.authority),
        },
        "inbox": {"type": "inbox"},
        "terminal": {"type": "terminal"},
    }
    settings = {
        "tokens": [
            {"name": "alertmanager", "scope": "ingest", "file": "secrets/alertmanager.token"},
            {"name": "reader", "scope": "read", "file": "secrets/read.token"},
        ],
        "channels": channels,
        "routes": [{"match": [f'alertname="{ALERT}"'], "channels": list(channels)}],
    }
    (folder / "receiver.yml").write_text(yaml.safe_dump(settings))
    return folder


@pytest.fixture
def others() -> int:
    """How many processes run here at most without our load."""
    seen = []
    for _ in range(30):
        (running,) = re.findall(
            r"^procs_running (\d+)", Path("/proc/stat").read_text(), re.MULTILINE
        )
        seen.append(int(running))
        time.sleep(0.1)
    return max(seen)


@pytest.mark.usefixtures("servers")
async def test_every_channel_tells_of_the_load_and_of_its_end(
    home: Path, others: int, dingtalk: FakeDingTalk, slack: FakeSlack, mail: FakeSmtp
) -> None:
    ports = Ports.from_base(free_ports(4))
    limit = others + _MARGIN
    (home / "shipped").mkdir()
    (home / "shipped/load.yml").write_text(_RULE.replace("LIMIT", str(limit)))
    prepare(home, ports, replace(demo.FLAVOUR, rules=home / "shipped"))
    terminal = home / "log/messages.log"
    services = make_services(home, ports, terminal)
    said: dict[str, Callable[[], list[str]]] = {
        "dingtalk": lambda: dingtalk.texts,
        "slack": lambda: slack.texts,
        "email": lambda: [m.part("plain") for m in mail.mails],
        "terminal": lambda: [terminal.read_text()],
    }
    with Stack(services, {"TOCSIN_HOME": str(home)}) as stack:
        await asyncio.to_thread(stack.wait_ready)
        with demo.cpu_load(limit + _MARGIN):
            for texts in said.values():
                await tell(texts, FIRING)
        for texts in said.values():
            await tell(texts, RESOLVED)
        assert sum(bool(FIRING.search(text)) for text in slack.texts) == 2  # hook and bot
        page = await read_inbox(stack, home)
    for text in [page, *(text for texts in said.values() for text in texts())]:
        assert socket.gethostname() in text
        assert all(int(value) > limit for value in VALUE.findall(text))
        assert VALUE.search(text)


# What a firing message and a resolved one say in either language.
FIRING = re.compile(r"Firing for\W+\d|已持续\W+\d")
RESOLVED = re.compile(r"Lasted\W+\d|持续时间\W+\d")
VALUE = re.compile(r"(\d+) processes run or wait for a CPU")


async def tell(texts: Callable[[], list[str]], what: re.Pattern[str]) -> None:
    """Wait until one of the texts says it."""
    async with asyncio.timeout(_PATIENCE):
        while not any(what.search(text) for text in texts()):  # noqa: ASYNC110 -- other processes
            await asyncio.sleep(0.2)


async def read_inbox(stack: Stack, home: Path) -> str:
    """Fetch the receiver's inbox page until it has the resolved message; returns its text."""
    token = (home / "secrets/read.token").read_text().strip()
    url = f"{stack.service('receiver').url}/"
    async with (
        asyncio.timeout(_PATIENCE),
        ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
    ):
        while True:
            async with http.get(url) as reply:
                page = re.sub(r"<[^>]*>", " ", await reply.text())
            if RESOLVED.search(page):
                return page
            await asyncio.sleep(0.2)
