"""A store of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from receiver.intake.webhook import parse
from receiver.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "tocsin.db", parse, patience=1)
    yield opened
    await opened.close()
