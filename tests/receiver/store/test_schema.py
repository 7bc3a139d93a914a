import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from receiver.intake.webhook import parse
from receiver.store import schema
from receiver.store.schema import StoreVersionError, incidents, metadata, migrate
from receiver.store.store import Store


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def test_a_new_store_has_all_tables_and_the_newest_version(connection: Connection) -> None:
    migrate(connection)
    tables = {row[0] for row in connection.execute(text("select name from sqlite_master"))}
    assert tables >= {"webhooks", "incidents", "episodes", "deliveries", "attempts"}
    assert connection.scalar(select(schema.schema_version.c.version)) == 1


def test_an_older_store_takes_the_missing_steps_in_order_and_once(connection: Connection) -> None:
    migrate(connection)
    taken: list[str] = []
    steps = (lambda _: taken.append("to 2"), lambda _: taken.append("to 3"))
    migrate(connection, steps[:1])
    migrate(connection, steps)
    migrate(connection, steps)
    assert taken == ["to 2", "to 3"]


def test_a_newer_store_is_refused(connection: Connection) -> None:
    migrate(connection, (lambda _: None,))
    with pytest.raises(StoreVersionError, match="its tables have version 2, this Tocsin knows 1"):
        migrate(connection)


def test_times_come_back_exactly_and_in_utc(connection: Connection) -> None:
    migrate(connection)
    east = timezone(timedelta(hours=8))
    moment = datetime(2026, 11, 23, 22, 15, 7, 123457, tzinfo=east)
    values = {"group_hash": "", "receiver": "", "group_key": "", "opened_at": moment}
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
        assert raw.execute("select version from schema_version").fetchall() == [(1,)]


async def test_the_probe_really_writes(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "tocsin.db", parse)
    with closing(sqlite3.connect(tmp_path / "tocsin.db")) as other:
        (before,) = other.execute("pragma data_version").fetchone()
        await store.probe()
        (after,) = other.execute("pragma data_version").fetchone()
        version = other.execute("select version from schema_version").fetchall()
    await store.close()
    assert after != before
    assert version == [(1,)]
