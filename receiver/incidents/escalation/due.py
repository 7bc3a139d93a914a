"""Which step of a policy is due now, or why none is (pure)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from receiver.incidents.escalation.policy import Policy
from receiver.store.escalating import SKEW, Pending, Progress

FRESH = timedelta(hours=1)
"""An incident that is older when it is first seen was open before there was a policy for it."""

Reason = Literal["over", "acknowledged", "silenced", "maintenance", "exhausted", "waiting"]
_REPLAYED = ("", "acknowledged")


@dataclass(frozen=True, slots=True)
class Stands:
    """How an incident stands; `ended` is when an acknowledgement ended that it had, if it had."""

    is_open: bool = True
    taken: bool = False
    silenced: bool = False
    maintained: bool = False
    ended: datetime | None = None

    @property
    def rests(self) -> Reason | Literal[""]:
        """Why nobody is asked, whatever is due."""
        if not self.is_open:
            return "over"
        if self.taken:
            return "acknowledged"
        if self.silenced:
            return "silenced"
        return "maintenance" if self.maintained else ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A step's place among those of all rounds, and since when it is due."""

    index: int
    at: datetime


def due(policy: Policy, stands: Stands, progress: Progress, now: datetime) -> Turn | Reason:
    """Return the newest step that is due, or why none is.

    After a long outage that is the last of several: who was asked before it would be told of
    what is past, and all at once. The others are left out.
    """
    if stands.rests:
        return stands.rests
    if progress.told >= policy.total:
        return "exhausted"
    found: Turn | Reason = "waiting"
    for index in range(progress.told, policy.total):
        at = progress.since + policy.offset(index)
        if at > now:
            break
        found = Turn(index, at)
    return found


def standing(pending: Pending, now: datetime) -> Stands:
    """Say how an open incident stands.

    An acknowledgement whose end was taken note of has ended, though the clock were set back.
    """
    until, known = pending.taken_until, pending.progress.ended if pending.progress else None
    over = until is not None and (until <= now or until == known)
    taken = pending.taken_at is not None and not over
    return Stands(True, taken, pending.silenced, ended=until if over else None)


def begun(pending: Pending, policy: str, now: datetime) -> Progress:
    """Return where an incident starts that is seen for the first time, or again after its end.

    Of that end an acknowledgement was over, which is no news.
    """
    old = now - pending.since > FRESH
    ended = pending.taken_until if _is_of_before(pending) else None
    return Progress(policy, now if old else pending.since, ended=ended)


def _is_of_before(pending: Pending) -> bool:
    """Whether an acknowledgement is of before the incident was opened again."""
    again, until = pending.reopened_at, pending.taken_until
    return again is not None and until is not None and until <= again


def settled(progress: Progress, policy: str, stands: Stands, now: datetime) -> Progress:
    """Return the progress as it counts now.

    Under another policy, and after a rest, everything begins from the start.
    """
    if progress.policy != policy:
        return Progress(policy, now, rests=stands.rests, ended=stands.ended or progress.ended)
    progress = _in_time(progress, now)
    if stands.rests:
        return replace(progress, rests=stands.rests)
    fresh = stands.ended if stands.ended != progress.ended else None
    if not progress.rests and fresh is None:
        return progress
    since = min(fresh, now) if fresh and progress.rests in _REPLAYED else now
    return Progress(policy, since, ended=stands.ended or progress.ended)


def _in_time(progress: Progress, now: datetime) -> Progress:
    """After the clock was set back, let waits count from now on instead of from the future."""
    latest = max(progress.since, progress.told_at or progress.since)
    if latest - now < SKEW:
        return progress
    back = latest - now
    at = progress.told_at and progress.told_at - back
    return replace(progress, since=progress.since - back, told_at=at)
