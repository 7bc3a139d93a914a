"""A store of an earlier release is brought to today's shape, whole or not at all."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect, select

from receiver.intake.webhook import parse
from receiver.store.migrations import STEPS, StoreVersionError, migrate
from receiver.store.schema import EPOCH, metadata, schema_version
from receiver.store.store import Store
from tests.receiver.claiming import claim
from tests.receiver.webhooks import START

VERSION_1 = Path(__file__).parents[2] / "fixtures/stores/version_1.sql"
"""A store of the first release: one message sent, one that failed, four owed, three suppressed."""


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "tocsin.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(VERSION_1.read_text())
    return path


def shape(path: Path) -> dict[str, list[Any]]:
    """Return each table's columns, keys and indexes, in whatever order they were made."""
    with closing(sqlite3.connect(path)) as raw:
        tables = raw.execute("select name from sqlite_master where type = 'table'").fetchall()
        indexes = raw.execute("select sql from sqlite_master where type = 'index' and sql != ''")
        # A default is only there for the rows of before.
        columns = 'select name, type, "notnull", pk from pragma_table_info(?) order by name'
        keys = 'select "from", "table" from pragma_foreign_key_list(?) order by 1'
        return {
            "indexes": sorted("".join(sql.lower().split()) for (sql,) in indexes),
            **{
                name: raw.execute(columns, [name]).fetchall() + raw.execute(keys, [name]).fetchall()
                for (name,) in tables
            },
        }


def test_a_new_store_has_all_tables_and_the_newest_version(connection: Connection) -> None:
    migrate(connection)
    assert set(inspect(connection).get_table_names()) == {"schema_version", *metadata.tables}
    assert connection.scalar(select(schema_version.c.version)) == 1 + len(STEPS)


async def test_a_store_of_the_first_release_takes_the_shape_of_a_new_one(
    old: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.db"
    for path in (old, new):
        await (await Store.open(path, parse)).close()
    assert shape(old) == shape(new)


async def test_a_store_of_the_first_release_keeps_what_it_owes_and_what_it_sent(old: Path) -> None:
    store = await Store.open(old, parse)
    now = START + timedelta(hours=1)
    assert [(queue.channel, queue.owed) for queue in await store.queues()] == [
        ("mail", 3),
        ("ops", 2),
    ]
    assert [posted.title for posted in await store.posted(["ops", "mail"])] == ["Down"]
    assert await store.last_beat() == EPOCH + timedelta(microseconds=1795435300000000)
    delivery = await claim(store, "mail", now, now + timedelta(minutes=1))
    assert delivery is not None
    assert [alert.fingerprint for alert in delivery.notification.alerts] == ["aa", "bb"]
    await store.close()


def test_an_older_store_takes_the_missing_steps_in_order_and_once(connection: Connection) -> None:
    migrate(connection, ())
    taken: list[str] = []
    steps = (lambda _: taken.append("to 2"), lambda _: taken.append("to 3"))
    migrate(connection, steps[:1])
    migrate(connection, steps)
    migrate(connection, steps)
    assert taken == ["to 2", "to 3"]


async def test_a_step_that_fails_leaves_the_store_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Connection) -> None:
        raise ZeroDivisionError

    before = shape(old)
    with monkeypatch.context() as patch:
        patch.setattr("receiver.store.migrations.STEPS", (*STEPS, fail))
        with pytest.raises(ZeroDivisionError):
            await Store.open(old, parse)
    assert shape(old) == before
    await (await Store.open(old, parse)).close()


def test_a_newer_store_is_refused(connection: Connection) -> None:
    migrate(connection, (lambda _: None,))
    with pytest.raises(StoreVersionError, match="its tables have version 2, this Tocsin knows 1"):
        migrate(connection, ())
