"""Work that blocks, done in a thread beside the loop, which stops where the step's time is over."""

import asyncio
from collections.abc import Callable
from threading import Event
from typing import TypeVar

_PATIENCE = 2.0
"""Seconds that the work has to see that it must stop; a dead disk can hold it for longer."""
_Result = TypeVar("_Result")
Look = Callable[[], None]
"""Raises StoppedError once the work must stop; called before each thing that it does."""


class StoppedError(Exception):
    """The work must stop here."""


async def aside(work: Callable[[Look], _Result]) -> _Result:
    """Do it in a thread. Cancelled, it stops at its next look, and is waited for a moment."""
    stop = Event()

    def look() -> None:
        if stop.is_set():
            raise StoppedError

    task = asyncio.ensure_future(asyncio.to_thread(work, look))
    try:
        return await asyncio.shield(task)
    finally:
        if not task.done():
            stop.set()
            task.add_done_callback(_forget)
            await asyncio.wait([task], timeout=_PATIENCE)


def _forget(task: asyncio.Future[_Result]) -> None:
    """Look at how it ended, which nobody waits for any longer."""
    if not task.cancelled():
        task.exception()
