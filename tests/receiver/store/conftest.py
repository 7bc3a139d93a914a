"""Every test of the store's meaning runs on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from receiver.intake.webhook import parse
from receiver.store.store import Store
from tests.fakes.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path | URL:
    if request.param == "sqlite":
        return tmp_path / "tocsin.db"
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.database()


@pytest.fixture
async def store(database: Path | URL) -> AsyncIterator[Store]:
    opened = await Store.open(database, parse, patience=1)
    yield opened
    await opened.close()
