"""A lane to the database: work waits in it for a thread, and the event loop for none of it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
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
_Result = TypeVar("_Result")

MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class _Job:
    """Work with the time until which it may begin; its future is running once it has."""

    work: Callable[[Connection], Any]
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
        if len(self._waiting) >= MOST_WAITING:
            raise StoreUnavailableError("the store is busy")

        def call(connection: Connection) -> _Result:
            return work(connection, *args, **kwargs)

        job = _Job(call, monotonic() + self._patience)
        self._waiting.append(job)
        self._threads.submit(self._turn)
        return await asyncio.wrap_future(job.done)

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
                tell = [_attempt(connection, job) for job in jobs]
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


def _attempt(connection: Connection, job: _Job) -> Callable[[], None]:
    """Run a job in a savepoint; returns what tells its caller how it ended."""
    savepoint = connection.begin_nested()
    try:
        with explained():
            result = job.work(connection)
    except Exception as error:  # noqa: BLE001 -- not swallowed: its caller is told
        try:
            savepoint.rollback()
        except DBAPIError:  # a full disk rolls back everything, so nobody's work is kept
            raise error from None
        return partial(job.done.set_exception, error)
    savepoint.commit()
    return partial(job.done.set_result, result)
