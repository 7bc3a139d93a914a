import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from receiver.store import lane
from receiver.store.engine import open_sqlite
from receiver.store.lane import Lane
from receiver.store.schema import StoreUnavailableError

PATIENCE = 10


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Lane]:
    path = tmp_path / "lane.db"
    path.touch()
    engine = open_sqlite(path, begin="BEGIN IMMEDIATE", connections=1, patience=PATIENCE)
    opened = Lane(engine, PATIENCE, shared=8)
    await opened.run(lambda c: c.exec_driver_sql("create table t (name text unique)"))
    yield opened
    await opened.close()


@asynccontextmanager
async def held(writer: Lane) -> AsyncIterator[None]:
    """Keep the lane's thread at work until the block ends."""
    begun, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(_: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        assert release.wait(30)

    task = asyncio.create_task(writer.run(hold))
    await begun.wait()
    try:
        yield
    finally:
        release.set()
        await task


def add(connection: Connection, name: str) -> str:
    connection.exec_driver_sql("insert into t values (?)", (name,))
    return name


def names(connection: Connection) -> list[str]:
    return [row[0] for row in connection.exec_driver_sql("select name from t order by name")]


async def at_once(writer: Lane, *work: Callable[[Connection], str]) -> list[str | BaseException]:
    """Let pieces of work wait for the thread together; returns how each ended."""
    async with held(writer):
        ends = asyncio.gather(*(writer.run(each) for each in work), return_exceptions=True)
        await asyncio.sleep(0)  # one step of each, after which it waits
    return await ends


async def test_work_that_waits_together_is_committed_together(writer: Lane) -> None:
    commits: list[Connection] = []
    event.listen(writer._engine, "commit", commits.append)
    works = [lambda c, name=name: add(c, name) for name in "abcde"]
    assert await at_once(writer, *works) == ["a", "b", "c", "d", "e"]
    assert len(commits) == 2  # one of them is of the work that they waited for


async def test_items_of_the_same_work_share_one_call_of_it(writer: Lane) -> None:
    calls: list[list[str]] = []

    def add_all(connection: Connection, items: Sequence[str]) -> list[str]:
        calls.append(list(items))
        return [add(connection, item) for item in items]

    async with held(writer):
        ends = asyncio.gather(
            *(writer.together(add_all, name) for name in "ab"),
            writer.run(add, "between"),
            *(writer.together(add_all, name) for name in "cbd"),
            return_exceptions=True,
        )
        await asyncio.sleep(0)
    results = await ends
    assert calls[0] == calls[1]  # at first without savepoints
    assert calls[1:] == [["a", "b", "c", "b", "d"], ["a"], ["b"], ["c"], ["b"], ["d"]]
    assert [str(end).partition(":")[0] for end in results] == [
        *("a", "b", "between", "c", "UNIQUE constraint failed", "d")
    ]
    assert await writer.run(names) == ["a", "b", "between", "c", "d"]


async def test_work_that_fails_is_undone_and_spoils_none_that_shares_its_transaction(
    writer: Lane,
) -> None:
    def fail(connection: Connection) -> str:
        add(connection, "half of it")
        raise ZeroDivisionError

    def twice(connection: Connection) -> str:
        return add(connection, "a")

    one, two, bad, *rest = await at_once(writer, twice, twice, fail, lambda c: add(c, "b"))
    assert (one, rest) == ("a", ["b"])
    assert isinstance(two, StoreUnavailableError)
    assert isinstance(bad, ZeroDivisionError)
    assert await writer.run(names) == ["a", "b"]


async def test_a_full_disk_keeps_nothing_of_what_shared_the_transaction_and_says_so(
    writer: Lane,
) -> None:
    def fill(connection: Connection) -> str:
        connection.exec_driver_sql("pragma max_page_count = 1")
        return add(connection, "x" * 1_000_000)

    ends = await at_once(writer, lambda c: add(c, "a"), fill, lambda c: add(c, "b"))
    assert [str(end) for end in ends] == ["database or disk is full"] * 3
    assert await writer.run(names) == []


async def test_work_whose_caller_gives_up_before_it_began_is_not_done(writer: Lane) -> None:
    async with held(writer):
        task = asyncio.create_task(writer.run(add, "a"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await writer.run(names) == []


async def test_work_whose_caller_gives_up_later_is_done_all_the_same(writer: Lane) -> None:
    begun, release = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slowly(connection: Connection) -> None:
        add(connection, "a")
        loop.call_soon_threadsafe(begun.set)
        assert release.wait(30)
        add(connection, "b")

    task = asyncio.create_task(writer.run(slowly))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()
    assert await writer.run(names) == ["a", "b"]


async def test_closing_waits_for_what_has_begun(writer: Lane) -> None:
    async with held(writer):
        closing = asyncio.create_task(writer.close())
        done, _ = await asyncio.wait([closing], timeout=0.05)
        assert not done
    await closing


async def test_work_that_waits_too_long_for_its_turn_is_refused(
    writer: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_patience", -1)
    with pytest.raises(StoreUnavailableError, match="the store is busy"):
        await writer.run(add, "a")
    monkeypatch.undo()
    assert await writer.run(names) == []


async def test_a_lane_that_is_full_refuses_work_at_once(
    writer: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "MOST_WAITING", 0)
    with pytest.raises(StoreUnavailableError, match="the store is busy"):
        await writer.run(add, "a")
