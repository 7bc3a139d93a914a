"""When what is owed is tried next, and what it waits for until then (pure)."""

from dataclasses import dataclass
from datetime import datetime

from receiver.delivery import breaker, pace
from receiver.delivery.turn import LONGEST_BLOCK
from receiver.model import Pace
from receiver.store.records import Gate, Notice


@dataclass(frozen=True, slots=True)
class Outlook:
    """`waits_for` is answer, order, retry, breaker, pause or pace; empty where it is due."""

    at: datetime
    waits_for: str = ""


def outlook(notice: Notice, gate: Gate, rule: Pace | None, now: datetime) -> Outlook:
    """Say what an owed message waits for longest.

    The answer to an attempt under way; what its incident is owed before it; its own next attempt;
    a destination that rests after failures, or asked to be left alone; or the pace of the channel.
    """
    if notice.lease is not None and notice.lease > now:
        return Outlook(notice.lease, "answer")
    rests = "breaker" if gate.open_until > gate.paused_until else "pause"
    blocked = breaker.blocked_until(gate)
    waits = {
        "retry": notice.not_before,
        "order": notice.behind or notice.not_before,
        rests: blocked if blocked <= now + LONGEST_BLOCK else now,
        "pace": _paced(gate, rule, now, urgent=bool(notice.urgent)),
    }
    longest = max(waits, key=lambda word: waits[word])
    return Outlook(waits[longest], longest) if waits[longest] > now else Outlook(now)


def _paced(gate: Gate, rule: Pace | None, now: datetime, *, urgent: bool) -> datetime:
    if rule is None:
        return now
    refilled = pace.refill(rule, gate, now)
    return (
        now
        if pace.afford(rule, refilled, urgent=urgent)
        else pace.ready_at(rule, refilled, urgent=urgent)
    )
