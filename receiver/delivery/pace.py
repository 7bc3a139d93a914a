"""How fast a destination is sent to: a token bucket that keeps a provider's rule (pure).

A bucket of `burst` tokens that gains `rate` a second lets through at most `burst + rate * T`
within any T seconds. One less than the provider allows, since messages travel unevenly.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from receiver.model import Pace
from receiver.store.records import Gate

_BURST, _SLOW_BURST = 0.25, 0.5
_SLOW = 60.0
"""Seconds between two messages beyond which those that come first should not wait."""
_RESERVE = 2
"""Tokens that only what is urgent may take: it must not wait for what is not."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`burst` tokens at most, `rate` more a second, of which `reserve` are for the urgent."""

    burst: int
    rate: float
    reserve: int


def bucket(pace: Pace) -> Bucket:
    """Return the bucket that never lets more than `pace.count` through in `pace.period`.

    A quarter at once and the rest evenly: then a token is never far, and a penalty never due. Of
    few in a long time half go at once, since that is all that most incidents need.
    """
    if pace.count == 1:
        return Bucket(1, 1 / pace.period, 0)
    slow = pace.period / pace.count > _SLOW
    burst = max(1, int(pace.count * (_SLOW_BURST if slow else _BURST)))
    spare = 1 if pace.count - burst > 1 else 0
    rate = (pace.count - burst - spare) / pace.period
    return Bucket(burst, rate, min(_RESERVE, burst - 1))


def refill(pace: Pace, gate: Gate, now: datetime) -> Gate:
    """Add what came since the tokens were counted; a clock that was set back adds nothing."""
    full = bucket(pace)
    seconds = max(0.0, (now - gate.counted_at).total_seconds())
    tokens = min(float(full.burst), gate.tokens + full.rate * seconds)
    return replace(gate, tokens=tokens, counted_at=now)


def afford(pace: Pace, gate: Gate, *, urgent: bool) -> int:
    """How many messages a refilled gate lets through at once."""
    return max(0, int(gate.tokens - (0 if urgent else bucket(pace).reserve) + 1e-9))


def ready_at(pace: Pace, gate: Gate, *, urgent: bool) -> datetime:
    """When a refilled gate lets the next one through."""
    full = bucket(pace)
    missing = 1 + (0 if urgent else full.reserve) - gate.tokens
    return gate.counted_at + timedelta(seconds=max(0.0, missing / full.rate))


def longest_wait(pace: Pace | None) -> timedelta:
    """How long a message waits at most that finds none before it."""
    if pace is None:
        return timedelta(0)
    full = bucket(pace)
    return timedelta(seconds=(1 + full.reserve) / full.rate)


def spend(gate: Gate) -> Gate:
    """Take a token for a message."""
    return replace(gate, tokens=gate.tokens - 1)


def answered(gate: Gate, now: datetime) -> Gate:
    """Count from the answer on: when in between a message arrived, only the provider knows."""
    return replace(gate, counted_at=max(gate.counted_at, now))
