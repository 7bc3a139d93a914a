"""A token of a destination's pace for one message beside those that are owed."""

from collections.abc import Callable
from datetime import datetime

from receiver.delivery import pace, turn
from receiver.delivery.sending import Outlet
from receiver.store.records import Choice, Gate, Waiting
from receiver.store.store import Store


async def take(
    outlet: Outlet,
    store: Store,
    now: datetime,
    rest: Callable[[Gate], Gate] = lambda gate: gate,
    *,
    urgent: bool = False,
) -> Choice:
    """Take a token, or say when there may be one; `rest` changes the gate before it is asked.

    Raises StoreUnavailableError.
    """
    habits = turn.Habits(outlet.channel.rule, 1)
    said: list[Choice] = []

    def ask(gate: Gate) -> Gate:
        waiting = Waiting(rest(gate), int(urgent), int(not urgent))
        said.append(turn.choose(habits, waiting, now, starving=False))
        return said[-1].gate if said[-1].take else gate

    await store.settle(outlet.line, (), now, ask)
    return said[-1]


async def note(outlet: Outlet, store: Store, change: Callable[[Gate], Gate]) -> None:
    """Note at the gate what became of that message; raises StoreUnavailableError."""
    now = store.now()
    await store.settle(outlet.line, (), now, lambda gate: pace.answered(change(gate), now))
