"""A test message on purpose: by the channel's real way, at its pace, and noted like any other."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import monotonic

from aiohttp import ClientSession

from receiver.delivery import breaker, pace, turn
from receiver.delivery.sending import Outlet
from receiver.model import Notification, SendError
from receiver.store.records import Choice, Gate, Waiting
from receiver.store.schema import EPOCH
from receiver.store.store import Store

PATIENCE = 20.0
"""Seconds that a test waits for its turn at most."""


async def send_test(outlet: Outlet, test: Notification, store: Store, http: ClientSession) -> None:
    """Send a test in its turn; what becomes of it opens or closes the breaker too.

    Raises SendError, also where the pace has no room soon, and StoreUnavailableError.
    """
    await _take_turn(outlet, store)
    try:
        await outlet.send_test(test, http, store.now())
    except SendError as error:
        luck = random.random()  # noqa: S311 -- jitter
        await _note(
            outlet, store, partial(breaker.after_failure, error=error, now=store.now(), luck=luck)
        )
        raise
    await _note(outlet, store, breaker.after_success)


async def _take_turn(outlet: Outlet, store: Store) -> None:
    """Wait until the destination's pace has room for a message, and take it."""
    end = monotonic() + PATIENCE
    while (again := await _ask(outlet, store)) is not None:
        wait = (again - store.now()).total_seconds()
        if wait > end - monotonic():
            detail = f"nothing may be sent there until {again:%H:%M:%S} UTC; try again then"
            raise SendError("throttled", detail, retry_after=wait)
        await asyncio.sleep(max(0.05, wait))


async def _ask(outlet: Outlet, store: Store) -> datetime | None:
    """Take a token, or say when to ask again."""
    habits = turn.Habits(outlet.channel.rule, 1)
    now = store.now()
    said: list[Choice] = []

    def take(gate: Gate) -> Gate:
        rested = replace(gate, open_until=EPOCH)  # whoever asks for a test has mended something
        said.append(turn.choose(habits, Waiting(rested, 1, 0), now, starving=False))
        return said[-1].gate if said[-1].take else gate

    await store.settle(outlet.line, (), now, take)
    return said[-1].again


async def _note(outlet: Outlet, store: Store, change: Callable[[Gate], Gate]) -> None:
    now = store.now()
    await store.settle(outlet.line, (), now, lambda gate: pace.answered(change(gate), now))
