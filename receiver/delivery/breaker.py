"""Whether a destination is worth trying (pure): after some failures only one message tries it."""

from dataclasses import replace
from datetime import datetime, timedelta

from receiver.delivery.retry import pause
from receiver.model import PartlyRefusedError, SendError
from receiver.store.records import Gate

FAILURES = 3
"""In a row; until then each message waits for itself."""
_FIRST_REST = 8.0
_LONGEST_REST = 300.0
_LONG_PAUSE = timedelta(seconds=60)

# A person must mend these, so there is no use in two more tries.
_HOPELESS = frozenset({"auth", "gone", "forbidden", "keyword", "address", "clock", "quota"})


def after_failure(gate: Gate, error: SendError, now: datetime, luck: float) -> Gate:
    """Return the gate after an attempt failed.

    A refused message says that the destination works, and so does one that somebody got; a wish
    to be left alone is kept, and anything else is a failure: the rest doubles from 8 s to 5 min,
    and `luck`, between 0 and 1, takes up to half of it away.
    """
    if error.permanent:
        return after_success(gate)
    if error.retry_after is not None:
        until = now + timedelta(seconds=pause(error))
        gate = replace(gate, paused_until=max(gate.paused_until, until))
    if error.reason == "throttled":
        return replace(gate, tokens=min(gate.tokens, 0.0))
    if isinstance(error, PartlyRefusedError):
        return after_success(gate) if error.reached else gate
    failures = max(gate.failures + 1, FAILURES if error.reason in _HOPELESS else 0)
    if failures < FAILURES:
        return replace(gate, failures=failures)
    longest = min(_LONGEST_REST, _FIRST_REST * 2 ** min(failures - FAILURES, 16))
    rest = timedelta(seconds=longest * (1 - luck / 2))
    return replace(gate, failures=failures, open_until=now + rest)


def after_success(gate: Gate) -> Gate:
    """Return the gate after a message arrived."""
    return gate if not gate.failures else replace(gate, failures=0, open_until=gate.paused_until)


def blocked_until(gate: Gate) -> datetime:
    """Until when nothing is sent."""
    return max(gate.paused_until, gate.open_until)


def is_probing(gate: Gate) -> bool:
    """Whether a single message should show that the destination works again."""
    return gate.failures >= FAILURES


def is_dead(gate: Gate, now: datetime) -> bool:
    """Whether messages should take another way: it rests after failures, or is shut for long."""
    rests = is_probing(gate) and now < gate.open_until
    return rests or gate.paused_until - now > _LONG_PAUSE
