"""A copy that is made while the receiver runs can be put in the store's place."""

import asyncio
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from sqlalchemy import create_engine

from receiver import backup
from receiver.__main__ import main
from receiver.intake.webhook import parse
from receiver.store.records import Decision
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from tests.fakes.postgres import PASSWORD, Postgres
from tests.receiver.webhooks import alert, webhook


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOCSIN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def configure(folder: Path, **document: str) -> str:
    (folder / "receiver.yml").write_text(yaml.safe_dump(document))
    return str(folder / "receiver.yml")


async def owe(store: Store, count: int) -> None:
    for number in range(count):
        told = webhook([alert(f"{number}-{n}") for n in range(50)], groupKey=f"{number}")
        await store.accept(told, lambda _: Decision(("ops",)))


async def test_a_copy_of_a_file_in_use_is_whole_private_and_can_be_used_in_its_place(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("of yesterday")
    store = await Store.open(home / "tocsin.db", parse)
    await owe(store, 20)
    command = ["store", "backup", "--config", configure(tmp_path), str(copy)]
    assert await asyncio.to_thread(main, command) == 0
    assert capsys.readouterr().out == f"{copy}: {copy.stat().st_size} bytes\n"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    await owe(store, 5)
    await store.close()
    shutil.move(home, tmp_path / "old home")
    restored = await Store.open(copy, parse)
    assert [queue.owed for queue in await restored.queues()] == [20]
    await restored.close()


@pytest.mark.parametrize("name", ["itself", "symlink", "hardlink", "log", "part"])
async def test_a_copy_never_takes_the_place_of_the_store_by_whatever_name(
    name: str, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = home / ("copy.part" if name == "part" else "tocsin.db")
    store = await Store.open(database, parse)
    await owe(store, 1)
    target = {"log": home / "tocsin.db-wal", "itself": database}.get(name, home / "copy")
    if name == "symlink":
        target.symlink_to(database)
    elif name == "hardlink":
        target.hardlink_to(database)
    config = configure(tmp_path, store=f"sqlite:///{database}")
    command = ["store", "backup", "--config", config, str(target)]
    assert await asyncio.to_thread(main, command) == 1
    said = "the store is in it; name another file for the copy"
    assert capsys.readouterr().err == f"{target}: {said}\n"
    await owe(store, 2)
    await store.close()
    again = await Store.open(database, parse)
    assert [queue.owed for queue in await again.queues()] == [3]
    await again.close()


def test_without_a_store_there_is_no_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.db"
    assert main(["store", "backup", "--config", configure(tmp_path), str(copy)]) == 1
    assert "home: No such file or directory" in capsys.readouterr().err
    assert not list(tmp_path.glob("copy*"))


def test_a_damaged_store_gives_no_copy_and_leaves_the_last_one(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.mkdir()
    (home / "tocsin.db").write_bytes(b"not a database, but long enough to be read as one" * 99)
    copy = tmp_path / "copy.db"
    copy.write_text("of yesterday")
    assert main(["store", "backup", "--config", configure(tmp_path), str(copy)]) == 1
    assert "it could not be copied: file is not a database" in capsys.readouterr().err
    assert copy.read_text() == "of yesterday"
    assert not list(tmp_path.glob("copy.db.part"))


async def test_a_copy_of_postgresql_is_restored_by_its_own_tool(
    tmp_path: Path, postgres_server: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = postgres_server.database(), postgres_server.database()
    store = await Store.open(first, parse)
    await owe(store, 20)
    (tmp_path / "password").write_text(PASSWORD)
    plain = first.set(drivername="postgresql")._replace(password=None)
    config = configure(tmp_path, store=str(plain), store_password_file="password")
    command = ["store", "backup", "--config", config, str(tmp_path / "copy")]
    assert await asyncio.to_thread(main, command) == 0
    await store.close()
    target = second.set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run(  # noqa: ASYNC221 -- nothing else runs meanwhile
        ["pg_restore", "--clean", "--if-exists", f"--dbname={target}", tmp_path / "copy"],
        check=True,
        timeout=60,
    )
    restored = await Store.open(second, parse)
    assert [queue.owed for queue in await restored.queues()] == [20]
    await restored.close()
    assert PASSWORD not in "".join(capsys.readouterr())


async def test_a_table_that_somebody_has_locked_is_not_waited_for_without_end(
    tmp_path: Path, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_PATIENCE", 1)
    database = postgres_server.database()
    await (await Store.open(database, parse)).close()
    engine = create_engine(database)
    with engine.begin() as holding:
        holding.exec_driver_sql("LOCK TABLE webhooks IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailableError, match="LOCK TABLE"):
            await asyncio.to_thread(backup.backup, database, tmp_path / "copy")
    engine.dispose()
