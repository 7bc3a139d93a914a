"""A lane to the database: work waits in it for a thread, and the event loop for none of it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, Transaction
from sqlalchemy.exc import DBAPIError

from receiver.store.engine import explained
from receiver.store.schema import StoreUnavailableError

_Arguments = ParamSpec("_Arguments")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

MOST_WAITING = 1000


_Work = Callable[[Connection, Sequence[Any]], Sequence[Any]]
_End = Callable[[], None]
"""Tells a caller how its work ended; for the event loop."""


@dataclass(frozen=True, slots=True)
class _Job:
    """An item for `work`, with the time until which it may begin.

    What waits with the same work is done by one call of it.
    """

    work: _Work
    item: Any
    deadline: float
    done: asyncio.Future[Any]

    def succeed(self, result: Any) -> None:
        if not self.done.done():  # a caller may give up at any time
            self.done.set_result(result)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Lane:
    """Runs functions over a connection, in transactions on threads of its own.

    What waits when a thread comes free shares one transaction, and so one sync of the disk: up
    to `shared` pieces of work, each in a savepoint, so that one that fails spoils no other.
    `patience` is how many seconds work waits for its turn.
    """

    def __init__(
        self, engine: Engine, patience: float, *, threads: int = 1, shared: int = 1
    ) -> None:
        self._engine = engine
        self._patience = patience
        self._shared = shared
        self._waiting: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._serve, name="store", daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def run(
        self,
        work: Callable[Concatenate[Connection, _Arguments], _Result],
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> _Result:
        """Return what `work` returns, once that is committed.

        Raises StoreUnavailableError and whatever `work` raises; then nothing of it is kept. A
        caller that is cancelled takes back work that has not begun; what has begun is ended.
        """

        def call(connection: Connection, _: Sequence[None]) -> Sequence[_Result]:
            return [work(connection, *args, **kwargs)]

        result: _Result = await self.together(call, None)
        return result

    async def together(
        self, work: Callable[[Connection, Sequence[_Item]], Sequence[_Result]], item: _Item
    ) -> _Result:
        """Return what `work` returns for an item, which shares the call with others that wait.

        Where such a call fails, each item gets one of its own. As `run` in all else.
        """
        if self._waiting.qsize() >= MOST_WAITING:
            raise StoreUnavailableError("the store is busy")
        done = asyncio.get_running_loop().create_future()
        self._waiting.put(_Job(work, item, monotonic() + self._patience, done))
        result: _Result = await done
        return result

    async def close(self) -> None:
        """End what waits and what has begun, and close every connection."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        self._engine.dispose()

    def _serve(self) -> None:
        while self._go_on():
            pass

    def _go_on(self) -> bool:
        """Do what waits, and tell the callers, all at once; returns whether more may come.

        When it returns nothing of that is held any longer, while the next is waited for.
        """
        taken = list(self._take())
        jobs = [job for job in taken if job is not None and not job.done.cancelled()]
        if tell := [*self._turn(jobs)]:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                jobs[0].done.get_loop().call_soon_threadsafe(_tell, tell)
        return taken[-1] is not None

    def _take(self) -> Iterator[_Job | None]:
        """Wait for work, and yield what waits then; None, which is for one thread, is the end."""
        yield (job := self._waiting.get())
        with suppress(Empty):
            for _ in range(self._shared - 1):
                if job is None:
                    break
                yield (job := self._waiting.get_nowait())

    def _turn(self, jobs: Sequence[_Job]) -> Iterator[_End]:
        """Run jobs in one transaction; once it is over, yield what tells how each ended."""
        now = monotonic()
        timely = [job for job in jobs if now <= job.deadline]
        for job in jobs:
            if now > job.deadline:
                yield partial(job.fail, StoreUnavailableError("the store is busy"))
        if not timely:
            return
        try:
            with explained(), self._engine.connect() as connection:
                ends = _run(connection, _alike(timely))
        except Exception as error:  # noqa: BLE001 -- not swallowed: every caller is told
            ends = [partial(job.fail, error) for job in timely]
        yield from ends


def _tell(ends: Iterable[_End]) -> None:
    for end in ends:
        end()


def _run(connection: Connection, groups: Sequence[Sequence[_Job]]) -> list[_End]:
    """Run jobs in one transaction; only where one of several fails do savepoints part them."""
    with connection.begin() as transaction:
        try:
            return [end for jobs in groups for end in _work(connection, jobs)]
        except Exception as error:  # noqa: BLE001 -- not swallowed: its caller is told
            _roll_back(transaction, connection, error)
            if len(groups) == len(groups[0]) == 1:
                return [partial(groups[0][0].fail, error)]
    with connection.begin():
        return [end for jobs in groups for end in _attempt(connection, jobs)]


def _work(connection: Connection, jobs: Sequence[_Job]) -> list[_End]:
    """Run jobs of the same work; returns what tells their callers of it."""
    with explained():
        results = jobs[0].work(connection, [job.item for job in jobs])
    return [partial(job.succeed, result) for job, result in zip(jobs, results, strict=True)]


def _roll_back(transaction: Transaction, connection: Connection, error: Exception) -> None:
    """Take work back; raises its error where more than that work is lost."""
    try:
        transaction.rollback()
    except DBAPIError:  # a full disk rolls back everything, so nobody's work is kept
        raise error from None
    if connection.invalidated:  # so does a connection that is lost
        raise error from None


def _alike(jobs: Sequence[_Job]) -> Sequence[Sequence[_Job]]:
    """Put the jobs of the same work together."""
    groups: defaultdict[_Work, list[_Job]] = defaultdict(list)
    for job in jobs:
        groups[job.work].append(job)
    return [*groups.values()]


def _attempt(connection: Connection, jobs: Sequence[_Job]) -> list[_End]:
    """Run jobs of the same work in a savepoint; returns what tells their callers how it ended."""
    savepoint = connection.begin_nested()
    try:
        ends = _work(connection, jobs)
    except Exception as error:  # noqa: BLE001 -- not swallowed: its caller is told
        _roll_back(savepoint, connection, error)
        if len(jobs) == 1:
            return [partial(jobs[0].fail, error)]
        return [end for job in jobs for end in _attempt(connection, [job])]
    savepoint.commit()
    return ends
