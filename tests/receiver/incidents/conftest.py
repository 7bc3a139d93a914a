"""A receiver with people, that Alertmanager, Slack and a hook are at."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver import app, config
from tests.fakes.slack import FakeSlack

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
