import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from receiver.intake.webhook import parse
from receiver.store.migrations import STEPS, migrate
from receiver.store.schema import incidents, metadata
from receiver.store.store import Store


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def test_times_come_back_exactly_and_in_utc(connection: Connection) -> None:
    migrate(connection)
    east = timezone(timedelta(hours=8))
    moment = datetime(2026, 11, 23, 22, 15, 7, 123457, tzinfo=east)
    values = {"group_hash": "", "receiver": "", "group_key": "", "opened_at": moment}
    values |= {"title": "", "severity": "warning", "about": ""}
    connection.execute(insert(incidents).values(values))
    kept = connection.scalar(select(incidents.c.opened_at))
    assert kept == moment
    assert kept.tzinfo is UTC


def test_the_tables_are_postgresql_s_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # the library types it not
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE" in str(CreateIndex(index).compile(dialect=dialect))


async def test_a_store_survives_being_closed_and_opened(tmp_path: Path) -> None:
    for _ in range(2):
        await (await Store.open(tmp_path / "tocsin.db", parse)).close()
    with closing(sqlite3.connect(tmp_path / "tocsin.db")) as raw:
        assert raw.execute("select version from schema_version").fetchall() == [(1 + len(STEPS),)]


async def test_the_probe_really_writes(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "tocsin.db", parse)
    with closing(sqlite3.connect(tmp_path / "tocsin.db")) as other:
        (before,) = other.execute("pragma data_version").fetchone()
        await store.probe()
        (after,) = other.execute("pragma data_version").fetchone()
        version = other.execute("select version from schema_version").fetchall()
    await store.close()
    assert after != before
    assert version == [(1 + len(STEPS),)]
