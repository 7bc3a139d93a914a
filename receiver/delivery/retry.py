"""Decides what follows a failed attempt."""

from datetime import datetime, timedelta

from receiver.model import Delivery, SendError
from receiver.store.records import Outcome

_FIRST_WAIT = 2.0
_LONGEST_WAIT = 300.0
_LONGEST_WISH = 3600.0
"""Seconds; a Retry-After beyond it would let the other side silence a channel for good."""
GIVE_UP = timedelta(hours=24)


def after(
    error: SendError, delivery: Delivery, now: datetime, luck: float, *, several: bool = False
) -> Outcome:
    """Return `later` with the time of the next attempt, or `dead`.

    Where a message that told `several` incidents was refused, each is tried again at once.

    The wait doubles from 2 s to 5 min with each attempt; `luck`, between 0 and 1, takes up to
    half of it away, so that what failed together is not tried together. A Retry-After is kept.
    """
    if error.permanent and several:
        return Outcome("later", "split", f"{error.reason}: {error.detail}", now)
    if error.permanent:
        return Outcome("dead", error.reason, error.detail)
    if now - delivery.accepted_at >= GIVE_UP:
        return Outcome("dead", "too_old", f"{error.reason}: {error.detail}")
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(delivery.attempts - 1, 16))
    wait = max(longest * (1 - luck / 2), pause(error))
    again = now + timedelta(seconds=wait)
    reached = delivery.reached | error.reached
    return Outcome("later", error.reason, error.detail, again, reached=reached)


def pause(error: SendError) -> float:
    """How many seconds the other side asked to be left alone."""
    return min(max(error.retry_after or 0.0, 0.0), _LONGEST_WISH)
