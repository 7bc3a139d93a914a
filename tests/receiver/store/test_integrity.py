"""A damaged file is set aside, whole, and the receiver goes on with a new one."""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from receiver.intake.webhook import parse
from receiver.store.integrity import damaged, set_aside_if_damaged
from receiver.store.records import Decision
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store
from tests.receiver.webhooks import alert, webhook


def overwrite_the_middle(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3 : len(raw) // 2] = b"\xa5" * (len(raw) // 2 - len(raw) // 3)
    path.write_bytes(raw)


def overwrite_all(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be read as one" * 99)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def beside(path: Path, pattern: str) -> list[Path]:
    return list(path.parent.glob(path.name + pattern))


async def fill(path: Path) -> None:
    store = await Store.open(path, parse)
    for number in range(5):
        many = [alert(f"{number}-{n}") for n in range(200)]
        await store.accept(webhook(many, groupKey=str(number)), lambda _: Decision(("ops",)))
    await store.close()


@pytest.mark.parametrize("damage", [overwrite_the_middle, overwrite_all, cut_off])
async def test_a_damaged_file_is_set_aside_and_a_new_store_takes_webhooks(
    damage: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tocsin.db"
    await fill(path)
    damage(path)
    broken = path.read_bytes()
    assert damaged(path) == 0
    store = await Store.open(path, parse)
    await store.accept(webhook(), lambda _: Decision(("ops",)))
    assert [queue.owed for queue in await store.queues()] == [1]
    await store.close()
    (kept,) = beside(path, ".damaged-*Z")
    assert kept.read_bytes() == broken
    assert f"kept as {kept}" in caplog.text
    assert damaged(path) == 1


async def test_a_file_that_lost_all_it_had_is_set_aside_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tocsin.db"
    path.touch()
    await (await Store.open(path, parse)).close()
    assert damaged(path) == 1
    assert f"{path} is damaged: it is empty" in caplog.text


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_the_files_of_a_new_store_are_nobody_else_s(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    before = os.umask(0o022)
    try:
        store = await Store.open(path, parse)
        await store.accept(webhook(), lambda _: Decision(("ops",)))
    finally:
        os.umask(before)
    made = modes(tmp_path)
    await store.close()
    names = ("tocsin.db", "tocsin.db-wal", "tocsin.db-shm", "tocsin.db.reserve")
    assert made == dict.fromkeys(names, 0o600)


async def test_a_disk_that_takes_no_new_store_is_left_with_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("receiver.store.integrity.sqlite3.connect", fail)
    with pytest.raises(StoreUnavailableError, match="disk is full"):
        await Store.open(tmp_path / "tocsin.db", parse)
    assert not modes(tmp_path)


async def test_the_log_of_a_damaged_file_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    overwrite_all(path)
    path.with_name("tocsin.db-wal").write_bytes(b"a log")
    kept = set_aside_if_damaged(path)
    assert kept is not None
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"a log"
    assert not beside(path, "-*")
    assert damaged(path) == 1


async def test_a_sound_file_is_left_alone_also_where_a_look_would_take_too_long(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "tocsin.db"
    await fill(path)
    assert set_aside_if_damaged(path) is None
    assert set_aside_if_damaged(path, patience=-1) is None
    assert "could not be checked" in caplog.text


async def test_a_file_that_another_process_holds_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    await fill(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin exclusive")
        assert set_aside_if_damaged(path, patience=0.1) is None
