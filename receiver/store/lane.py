"""A lane to the database: work waits in it for a thread, and the event loop for none of it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from receiver.store.engine import explained
from receiver.store.schema import StoreUnavailableError

_Arguments = ParamSpec("_Arguments")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

MOST_WAITING = 1000


_Work = Callable[[Connection, Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Job:
    """An item for `work`, with the time until which it may begin.

    What waits with the same work is done by one call of it. The future runs once it has begun.
    """

    work: _Work
    item: Any
    deadline: float
    done: Future[Any] = field(default_factory=Future)


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
        self._threads = ThreadPoolExecutor(threads, "store")
        self._waiting: deque[_Job] = deque()

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
        if len(self._waiting) >= MOST_WAITING:
            raise StoreUnavailableError("the store is busy")
        job = _Job(work, item, monotonic() + self._patience)
        self._waiting.append(job)
        self._threads.submit(self._turn)
        result: _Result = await asyncio.wrap_future(job.done)
        return result

    async def close(self) -> None:
        """End what waits and what has begun, and close every connection."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._threads.shutdown()
        self._engine.dispose()

    def _turn(self) -> None:
        """Run what waits in one transaction, and tell the callers once it is over.

        There is a turn for each piece of work; one that comes after it was done finds nothing.
        """
        jobs = list(self._take())
        if not jobs:
            return
        try:
            with explained(), self._engine.begin() as connection:
                tell = [end for some in _alike(jobs) for end in _attempt(connection, some)]
        except Exception as error:  # noqa: BLE001 -- not swallowed: every caller is told
            tell = [partial(job.done.set_exception, error) for job in jobs]
        for each in tell:
            each()

    def _take(self) -> Iterator[_Job]:
        with suppress(IndexError):
            for _ in range(self._shared):
                job = self._waiting.popleft()
                if not job.done.set_running_or_notify_cancel():
                    continue
                if monotonic() > job.deadline:
                    job.done.set_exception(StoreUnavailableError("the store is busy"))
                else:
                    yield job


def _alike(jobs: Sequence[_Job]) -> Iterable[Sequence[_Job]]:
    """Put the jobs of the same work together."""
    groups: defaultdict[_Work, list[_Job]] = defaultdict(list)
    for job in jobs:
        groups[job.work].append(job)
    return groups.values()


def _attempt(connection: Connection, jobs: Sequence[_Job]) -> list[Callable[[], None]]:
    """Run jobs of the same work in a savepoint; returns what tells their callers how it ended."""
    savepoint = connection.begin_nested()
    try:
        with explained():
            results = jobs[0].work(connection, [job.item for job in jobs])
    except Exception as error:  # not swallowed: its caller is told
        try:
            savepoint.rollback()
        except DBAPIError:  # a full disk rolls back everything, so nobody's work is kept
            raise error from None
        if connection.invalidated:  # so does a connection that is lost
            raise error from None
        if len(jobs) == 1:
            return [partial(jobs[0].done.set_exception, error)]
        return [end for job in jobs for end in _attempt(connection, [job])]
    savepoint.commit()
    return [partial(job.done.set_result, r) for job, r in zip(jobs, results, strict=True)]
