"""Writes down webhooks, what they say, and who is owed a message for them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, select

from receiver.store import beats, bell, bodies, bulk, episodes, held
from receiver.store.episodes import Case
from receiver.store.records import AS_EVER, NO_ROUTE, REPEATED, Decision, Known, Terms, Webhook
from receiver.store.schema import deliveries, slices, webhooks

Decide = Callable[[Known], Decision]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A webhook, and what says who is owed a message for it once its past is known."""

    webhook: Webhook
    decide: Decide
    terms: Terms = AS_EVER


def accept(connection: Connection, arrivals: Sequence[Arrival]) -> list[tuple[Decision, int]]:
    """Write down webhooks in the order in which they came.

    Returns for each what was decided, and its number.
    """
    ends: dict[int, tuple[Decision, int]] = {}
    for turn in _turns(arrivals):
        several = [arrivals[index] for index in turn]
        ends.update(zip(turn, _accept(connection, several), strict=True))
    beats.note(connection, (arrival.webhook for arrival in arrivals))
    concerned = {name for decision, _ in ends.values() for name in decision.told}
    if concerned:
        bell.ring(connection, sorted(concerned))
    return [ends[index] for index in range(len(arrivals))]


def _turns(arrivals: Sequence[Arrival]) -> Iterator[list[int]]:
    """Part the webhooks so that one of a group sees what those of the same group wrote before."""
    turns: defaultdict[int, list[int]] = defaultdict(list)
    before: defaultdict[str, int] = defaultdict(int)
    for index, arrival in enumerate(arrivals):
        group = arrival.webhook.notification.group_hash
        turns[before[group]].append(index)
        before[group] += 1
    yield from turns.values()


def _accept(connection: Connection, arrivals: Sequence[Arrival]) -> list[tuple[Decision, int]]:
    cases = episodes.look_up(connection, [(each.webhook, each.terms) for each in arrivals])
    decisions = [a.decide(case.seen) for a, case in zip(arrivals, cases, strict=True)]
    belongs = episodes.record(connection, cases, decisions)
    held.note(connection, decisions, belongs)
    decisions = [
        _with_stand_ins(connection, decision, incident)
        for decision, incident in zip(decisions, belongs, strict=True)
    ]
    numbers = _keep(connection, cases, decisions, belongs)
    owed = [
        row
        for case, decision, incident, number in zip(cases, decisions, belongs, numbers, strict=True)
        for row in _owed(case.webhook, decision, incident, number)
    ]
    bulk.add(connection, deliveries, owed)
    for case, incident, number in zip(cases, belongs, numbers, strict=True):
        if incident is None:
            _forget_older(connection, case.group, number)
    return list(zip(decisions, numbers, strict=True))


def _with_stand_ins(connection: Connection, decision: Decision, incident: int | None) -> Decision:
    """Add who told that it fires in a channel's place: they tell that it is over too."""
    if decision.reason not in {"", NO_ROUTE} or not decision.stand_ins or incident is None:
        return decision
    told = set(connection.scalars(_STOOD_IN, {"incident": incident, "names": decision.stand_ins}))
    more = tuple(name for name in decision.stand_ins if name in told)
    return replace(decision, channels=decision.channels + more, reason="") if more else decision


def _keep(
    connection: Connection,
    cases: Sequence[Case],
    decisions: Sequence[Decision],
    belongs: Sequence[int | None],
) -> Sequence[int]:
    """Keep the webhooks themselves; returns their numbers."""
    packed = [list(bodies.pack(case.webhook.body)) for case in cases]
    numbers = bulk.numbers(connection, webhooks, len(cases))
    kept = [
        {
            "id": number,
            "received_at": case.webhook.received_at,
            "group_hash": case.group,
            "delivery_key": case.key,
            "incident": incident,
            "body": parts[0],
            "size": len(case.webhook.body),
            "left_out": list(_unmentioned(decision)),
        }
        for number, case, decision, incident, parts in zip(
            numbers, cases, decisions, belongs, packed, strict=True
        )
    ]
    bulk.add(connection, webhooks, kept)
    rest = [
        {"webhook": number, "number": index, "data": part}
        for number, parts in zip(numbers, packed, strict=True)
        for index, part in enumerate(parts[1:], 1)
    ]
    bulk.add(connection, slices, rest)
    return numbers


def _unmentioned(decision: Decision) -> tuple[str, ...]:
    """Return what no message mentions; of what nobody is told, all can be looked up."""
    return decision.left_out + (decision.hidden if decision.told else ())


def owe(connection: Connection, webhook: Webhook, channels: Sequence[str], incident: int) -> None:
    """Keep a webhook of our own that changes nothing of an incident, and owe it to channels."""
    said, decision = webhook.notification, Decision(tuple(channels))
    case = Case(webhook, said.group_hash, said.delivery_key, Known(), incident, is_open=True)
    (number,) = _keep(connection, [case], [decision], [incident])
    bulk.add(connection, deliveries, list(_owed(webhook, decision, incident, number)))
    bell.ring(connection, channels)


def _owed(
    webhook: Webhook, decision: Decision, incident: int | None, number: int
) -> Iterator[dict[str, Any]]:
    """Yield a row for each channel: every webhook has a fate that can be looked up."""
    urgent = int(webhook.notification.severity.rank == 0)
    for name in decision.channels or ("",):
        hold = None if decision.reason else decision.holds.get(name)
        reason = decision.reason or (hold.reason if hold else "")
        yield {
            "webhook": number,
            "incident": incident,
            "channel": name,
            "state": "suppressed" if reason else "owed",
            "reason": reason or (REPEATED if decision.reminder else ""),
            "held_by": hold.name if hold else None,
            "urgent": urgent,
            "attempts": 0,
            "accepted_at": webhook.received_at,
            "not_before": webhook.received_at,
            "settled_at": webhook.received_at if reason else None,
        }


def _forget_older(connection: Connection, group: str, newest: int) -> None:
    """Drop what came before in a group without incidents: the Watchdog comes every minute."""
    for statement in _FORGET:
        connection.execute(statement, {"group": group, "newest": newest})


_NAMES: BindParameter[str] = bindparam("names", expanding=True)
_STOOD_IN = (
    select(deliveries.c.channel)
    .where(deliveries.c.incident == bindparam("incident"), deliveries.c.channel.in_(_NAMES))
    .where(deliveries.c.state.in_(("owed", "sent")))
    .distinct()
)
_OLDER = (
    select(webhooks.c.id)
    .where(webhooks.c.group_hash == bindparam("group"), webhooks.c.incident.is_(None))
    .where(webhooks.c.id < bindparam("newest"))
)
_FORGET = (
    delete(deliveries).where(deliveries.c.webhook.in_(_OLDER)),
    delete(slices).where(slices.c.webhook.in_(_OLDER)),
    delete(webhooks).where(webhooks.c.id.in_(_OLDER)),
)
