"""A test message on purpose: by the channel's real way, at its pace, and noted like any other."""

import asyncio
import random
from dataclasses import replace
from datetime import datetime
from functools import partial
from time import monotonic

from aiohttp import ClientSession

from receiver.delivery import breaker, token
from receiver.delivery.sending import Outlet
from receiver.model import Notification, SendError
from receiver.store.records import Gate
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
        change = partial(breaker.after_failure, error=error, now=store.now(), luck=luck)
        await token.note(outlet, store, change)
        raise
    await token.note(outlet, store, breaker.after_success)


async def _take_turn(outlet: Outlet, store: Store) -> None:
    """Wait until the destination's pace has room for a message, and take it."""
    end = monotonic() + PATIENCE
    while True:
        choice = await token.take(outlet, store, store.now(), _rested, urgent=True)
        if choice.again is None:
            return
        wait = (choice.again - store.now()).total_seconds()
        if wait > end - monotonic():
            raise _refusal(choice.gate, choice.again, wait)
        await asyncio.sleep(max(0.05, wait))


def _refusal(gate: Gate, again: datetime, wait: float) -> SendError:
    """Say whether it is the other side that wants to be left alone, or the channel's own pace."""
    when = f"until {again:%H:%M:%S} UTC; try again then"
    if gate.paused_until >= again:
        return SendError("throttled", f"the other side takes nothing {when}", retry_after=wait)
    return SendError("paced", f"the channel's own pace has no room {when}", retry_after=wait)


def _rested(gate: Gate) -> Gate:
    """Open the breaker: whoever asks for a test has mended something."""
    return replace(gate, open_until=EPOCH)
