"""How attempts ended, and what that means for the messages and for their destination."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, literal, update

from receiver.model import Delivery
from receiver.store import gates, places
from receiver.store.among import among
from receiver.store.handover import FELL_BACK, hand_over
from receiver.store.records import Gate, Line, Outcome
from receiver.store.schema import Instant, attempts, deliveries

DIGEST = "digest"
"""The reason of what another incident's message told."""

Settlement = tuple[Delivery, Outcome]


def settle(
    connection: Connection,
    line: Line,
    settlements: Sequence[Settlement],
    now: datetime,
    change: Callable[[Gate], Gate],
) -> list[Settlement]:
    """Close the attempts with their outcomes, and change the gate by what they have shown.

    Returns the outcomes as they were noted: what would be dead goes to the fallback instead.
    """
    settled = [(delivery, _last_resort(line, outcome)) for delivery, outcome in settlements]
    groups: dict[tuple[Outcome, int], list[int]] = defaultdict(list)
    for delivery, outcome in settled:
        groups[outcome, delivery.attempts].append(delivery.id)
        said = outcome.message
        if said is not None and said.place and not said.joined:
            places.keep(connection, delivery, said.place)
    if DIGEST in {outcome.reason for _, outcome in settled}:
        places.overtake(connection, line.channel, {delivery.incident for delivery, _ in settled})
    for (outcome, attempt), numbers in groups.items():
        _close(connection, numbers, attempt, outcome, now)
    lost = [delivery.id for delivery, outcome in settled if outcome.reason == FELL_BACK]
    hand_over(connection, lost, line.fallback, now)
    gate = gates.hold(connection, line.gate)  # at last, so that it is held for a moment only
    gates.write(connection, line.gate, gate, change(gate))
    return settled


def _last_resort(line: Line, outcome: Outcome) -> Outcome:
    if outcome.state != "dead" or not line.fallback:
        return outcome
    said = f"{outcome.reason}: {outcome.detail}"
    return Outcome("suppressed", FELL_BACK, said)


def _close(
    connection: Connection, numbers: Sequence[int], attempt: int, outcome: Outcome, now: datetime
) -> None:
    """Note one outcome for an attempt at some deliveries; what was sent is kept as it was sent."""
    values: dict[str, object] = {"lease": None, "reason": outcome.reason, "within": outcome.within}
    if outcome.state == "later":
        values |= {"not_before": outcome.not_before}
        if outcome.reached:
            since = func.coalesce(deliveries.c.reached_at, literal(now, Instant))
            values |= {"reached": sorted(outcome.reached), "reached_at": since}
    else:
        values |= {"state": outcome.state, "settled_at": now}
    if outcome.message is not None:
        values |= {
            "status": outcome.message.status.value,
            "severity": outcome.message.severity.name,
            "title": outcome.message.title,
            "body": outcome.message.body,
        }
    these = {"numbers": numbers}
    connection.execute(update(deliveries).where(_THESE).values(**values), these)
    connection.execute(
        update(attempts)
        .where(_AT_THESE, attempts.c.number == attempt)
        .values(ended_at=now, outcome=outcome.state, reason=outcome.reason, detail=outcome.detail),
        these,
    )


_THESE = among(deliveries.c.id, "numbers")
_AT_THESE = among(attempts.c.delivery, "numbers")
