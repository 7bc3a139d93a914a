"""How much of what waits is sent next (pure): singly while it lasts, else all in one message."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from receiver.delivery import breaker, pace
from receiver.model import Pace
from receiver.store.records import Choice, Waiting

FEW = 20
"""Messages that a destination gets one by one where its limit allows; more came with a storm."""
LONGEST_BLOCK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Habits:
    """How a channel is served: its provider's rule, and at most how much at once.

    One that does not gather takes that much too, and makes a message of each.
    """

    rule: Pace | None
    most: int
    gathers: bool = True


def choose(habits: Habits, waiting: Waiting, now: datetime, *, starving: bool) -> Choice:
    """Say how many incidents to take, or when to look again.

    What is urgent goes first and alone; `starving` says that the rest has waited long enough
    to be told along with it.
    """
    gate = waiting.gate
    if now < (blocked := breaker.blocked_until(gate)) <= now + LONGEST_BLOCK:
        return Choice(0, gate, again=blocked)
    if not waiting.urgent and not waiting.ordinary:
        return Choice(0, gate)
    urgent = waiting.urgent > 0
    mixed = urgent and starving and waiting.ordinary > 0
    free = FEW
    if habits.rule is not None:
        refilled = pace.refill(habits.rule, gate, now)
        free = min(FEW, pace.afford(habits.rule, refilled, urgent=urgent))
        if not free:
            return Choice(0, gate, again=pace.ready_at(habits.rule, refilled, urgent=urgent))
        gate = pace.spend(refilled)
    if breaker.is_probing(gate):
        return Choice(1, gate)
    waits = waiting.urgent + waiting.ordinary if mixed else waiting.urgent or waiting.ordinary
    singly = habits.gathers and waits <= free and not mixed
    return Choice(1 if singly else habits.most, gate, mixed)


def halve(habits: Habits) -> Habits:
    """Tell less at once: a message was refused, and not all in it need be to blame."""
    return replace(habits, most=max(1, habits.most // 2))


def restore(habits: Habits, most: int) -> Habits:
    """Tell more at once again."""
    return replace(habits, most=min(most, habits.most * 2))
