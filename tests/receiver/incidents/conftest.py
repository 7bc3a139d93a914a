"""A receiver with people, that Alertmanager, Slack and a hook are at."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver import app, config
from tests.deploy.kit import free_ports
from tests.fakes.slack import FakeSlack

PROGRAM = "prometheus-alertmanager"
ADA = {"name": "Ada", "roles": ["operate"], "slack": "UADA", "email": "ada@example.com"}
BOB = {"name": "Bob", "roles": ["operate"], "slack": "UBOB"}
EVE = {"name": "Eve", "roles": ["approve"], "slack": "UEVE"}


@pytest.fixture
def document(slack: FakeSlack, secret_file: Callable[[str, str], str]) -> dict[str, Any]:
    """The settings; tests that want others change them."""
    chat = {
        "type": "slack",
        "token_file": secret_file("slack.token", slack.token),
        "signing_secret_file": secret_file("slack.signing", slack.signing),
        "channel": "#ops",
        "api_url": slack.api,
        "pace": "50/1s",
    }
    return {
        "listen": "127.0.0.1:0",
        "external_url": "https://tocsin.example.com",
        "channels": {"chat": chat},
        "people": {"ada": ADA, "bob": BOB, "eve": EVE},
    }


@pytest.fixture
async def url(
    document: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """Where the receiver listens."""
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    path = tmp_path / "receiver.yml"
    path.write_text(yaml.safe_dump(document))
    async with app.running(config.load(path)) as address:
        yield address


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    if not shutil.which(PROGRAM):
        pytest.skip(f"{PROGRAM} is not installed")
    (tmp_path / "am.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    address = f"127.0.0.1:{free_ports(1)}"
    argv = [
        *(PROGRAM, "--config.file", str(tmp_path / "am.yml"), "--cluster.listen-address="),
        *("--storage.path", str(tmp_path / "am"), "--web.listen-address", address),
    ]
    with (tmp_path / "am.log").open("w") as log:
        process = subprocess.Popen(argv, stderr=log, stdout=log)
    yield f"http://{address}"
    process.kill()
    process.wait()
