"""The audit is only added to: whatever is changed, taken away or put in between is found."""

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL, Connection

from receiver.__main__ import main
from receiver.intake.webhook import parse
from receiver.store.audit import Change
from receiver.store.chain import link
from receiver.store.store import Store
from tests.receiver.webhooks import START

ADA = Change("Ada", "approve", "run 1", "mend on web-1")


async def fill(store: Store, rows: int = 5) -> None:
    """Have a row a minute from START on."""
    for n in range(rows):
        await store.note(Change(f"who-{n}", "stop", f"run {n}"), START + timedelta(minutes=n))


async def tamper(store: Store, statement: str) -> None:
    """Change the audit as whoever has the database's password can."""
    await store._writer.run(_execute, statement)


def _execute(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def change(path: Path, *statements: str) -> None:
    """Change the audit behind the receiver's back."""
    with closing(sqlite3.connect(path)) as raw:
        for statement in statements:
            raw.execute(statement)
        raw.commit()


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("UPDATE audit SET who = 'somebody' WHERE id = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE id = 2", 2),
        ("UPDATE audit SET hash = 'x' WHERE id = 5", 5),
        ("DELETE FROM audit WHERE id = 3", 4),
        ("DELETE FROM audit WHERE id = 1", 2),
        ("UPDATE audit SET id = 9 WHERE id = 2", 3),
    ],
)
async def test_the_first_row_that_was_changed_is_named(
    store: Store, statement: str, broken: int
) -> None:
    await fill(store)
    assert (await store.auditing.verify()).rows == 5
    await tamper(store, statement)
    assert (await store.auditing.verify()).broken == broken


async def test_what_is_forgotten_leaves_the_rest_whole(store: Store) -> None:
    await fill(store)
    last = (await store.auditing.verify()).last
    await store.forget(START + timedelta(minutes=2), 100)
    found = await store.auditing.verify()
    assert (found.rows, found.broken, found.last) == (3, None, last)
    await store.note(ADA, START)
    await store.forget(START + timedelta(hours=1), 100)
    assert (await store.auditing.verify()).rows == 0
    await store.note(ADA, START)
    assert (await store.auditing.verify()).rows == 1
    await tamper(store, "DELETE FROM audit_start")
    assert (await store.auditing.verify()).broken is not None


async def test_a_row_of_a_clock_that_was_set_back_does_not_go_before_its_elders(
    store: Store,
) -> None:
    await store.note(ADA, START + timedelta(hours=1))
    await store.note(ADA, START)
    await store.forget(START + timedelta(minutes=1), 100)
    assert (await store.auditing.verify()).rows == 2


async def test_many_at_once_make_one_chain(store: Store, database: Path | URL) -> None:
    other = await Store.open(database, parse)
    await asyncio.gather(*(each.note(ADA, START) for _ in range(20) for each in (store, other)))
    await other.close()
    found = await store.auditing.verify()
    assert (found.rows, found.broken) == (40, None)


async def test_an_older_store_s_audit_is_chained_as_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    store = await Store.open(path, parse)
    await fill(store)
    await store.close()
    before = "DELETE FROM audit_start", "UPDATE audit SET hash = ''"
    change(path, *before, "DROP TABLE audit_start", "ALTER TABLE audit DROP COLUMN hash")
    change(path, "UPDATE schema_version SET version = version - 1")
    store = await Store.open(path, parse)
    found = await store.auditing.verify()
    await store.close()
    assert (found.rows, found.broken) == (5, None)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path))
    path = tmp_path / "receiver.yml"
    path.write_text(yaml.safe_dump({"language": "en"}))

    async def make() -> None:
        store = await Store.open(tmp_path / "tocsin.db", parse)
        await fill(store, 3)
        await store.close()

    asyncio.run(make())
    return str(path)


def test_the_command_says_whether_it_is_whole_and_where_it_breaks(
    file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", "--config", file]) == 0
    assert capsys.readouterr().out.startswith("ok: 3 rows, the last of hash ")
    change(tmp_path / "tocsin.db", "UPDATE audit SET detail = 'x' WHERE id = 2")
    assert main(["audit", "verify", "--config", file]) == 1
    assert capsys.readouterr().out.startswith("broken: row 2 does not follow")


def test_what_is_exported_can_be_verified_by_anybody(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "export", "--config", file]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["who"] for row in rows] == ["who-0", "who-1", "who-2"]
    before = ""
    for row in rows:
        said = (row["at_microseconds"], *(row[n] for n in ("who", "action", "subject", "detail")))
        assert (row["before"], row["hash"]) == (before, link(before, said))
        before = row["hash"]
