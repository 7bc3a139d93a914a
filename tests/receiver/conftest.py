"""A store of its own for each test; and none tells a secret that it used."""

import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import SecretStr

from receiver.intake.webhook import parse
from receiver.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "tocsin.db", parse, patience=1)
    yield opened
    await opened.close()


_SHORTEST = 12
"""Letters; shorter ones of the tests are words that may stand anywhere."""


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Look for each secret in what was logged, as it was before masking, and in the metrics."""
    used: set[str] = set()
    registries: list[CollectorRegistry] = []
    keep, create = SecretStr.__init__, CollectorRegistry.__init__

    def keeping(self: SecretStr, value: str) -> None:
        used.add(value)
        keep(self, value)

    def creating(self: CollectorRegistry, **settings: Any) -> None:
        registries.append(self)
        create(self, **settings)

    monkeypatch.setattr(SecretStr, "__init__", keeping)
    monkeypatch.setattr(CollectorRegistry, "__init__", creating)
    caplog.set_level(logging.INFO)
    yield
    written = [logging.Formatter().format(record) for record in caplog.get_records("call")]
    text = "\n".join([*written, *(generate_latest(each).decode() for each in registries)])
    told = [secret for secret in used if len(secret) >= _SHORTEST and secret in text]
    assert not told
