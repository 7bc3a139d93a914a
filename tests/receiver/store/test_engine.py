import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from receiver.store.records import Decision, Known
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from tests.receiver.webhooks import alert, webhook


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """SQLite only."""
    return tmp_path / "tocsin.db"


def owed(_: Known) -> Decision:
    return Decision(("ops",))


def pragma(connection: Connection, setting: str) -> Any:
    return connection.exec_driver_sql(f"pragma {setting}").scalar()


async def test_what_is_committed_is_synced_to_a_write_ahead_log(store: Store) -> None:
    for setting, value in {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 1000,
    }.items():
        assert await store._writer.run(pragma, setting) == value


async def test_a_store_that_another_process_locks_is_unavailable_until_it_lets_go(
    store: Store, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreUnavailableError, match="database is locked"):
            await store.accept(webhook(), owed)
        assert await store.queues() == []  # reading still works
        other.execute("rollback")
    await store.accept(webhook(), owed)
    assert [queue.owed for queue in await store.queues()] == [1]


async def test_a_full_disk_makes_the_store_unavailable_and_keeps_nothing_of_the_webhook(
    store: Store,
) -> None:
    many = [alert(f"{number:016x}") for number in range(2000)]
    pages = await store._writer.run(pragma, "page_count")
    await store._writer.run(pragma, f"max_page_count = {pages + 8}")
    with pytest.raises(StoreUnavailableError, match="database or disk is full"):
        await store.accept(webhook(many), owed)
    assert await store.queues() == []
    await store._writer.run(pragma, "max_page_count = 1000000")
    await store.accept(webhook(many), owed)
    assert [queue.owed for queue in await store.queues()] == [1]


async def test_a_transaction_that_fails_half_way_leaves_nothing(store: Store) -> None:
    def fail(_: object, __: object, statement: str, *___: object) -> None:
        if statement.startswith("INSERT INTO deliveries"):
            raise sqlite3.OperationalError("disk I/O error")

    event.listen(store._writer._engine, "before_cursor_execute", fail)
    with pytest.raises(StoreUnavailableError, match="disk I/O error"):
        await store.accept(webhook(), owed)
    assert await store.open_incidents() == 0
