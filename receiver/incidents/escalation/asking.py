"""Whom a step asks, and by which channel (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from receiver.incidents.escalation.policy import Policy, Step
from receiver.incidents.oncall.schedule import Schedule
from receiver.incidents.oncall.shifts import Shift
from receiver.incidents.people import People


@dataclass(frozen=True, slots=True)
class Rota:
    """Who there is, and who is on call by each schedule."""

    people: People
    schedules: Mapping[str, Schedule]
    on_call: Mapping[str, Shift | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a step asks: `who` is for messages, `person` a key of people or empty.

    `channel` is empty where nobody can be asked. `nobody` are schedules that had nobody.
    """

    index: int
    channel: str = ""
    who: str = ""
    person: str = ""
    nobody: tuple[str, ...] = ()


def ask(policy: Policy, index: int, rota: Rota) -> Asked:
    """Return whom a step asks; where it has nobody, the next one of its round comes at once."""
    last = len(policy.steps) * (index // len(policy.steps) + 1) - 1
    nobody: tuple[str, ...] = ()
    for number in range(index, last + 1):
        asked = _ask(policy.steps[number % len(policy.steps)], rota)
        nobody += asked.nobody
        if asked.channel:
            return replace(asked, index=number, nobody=nobody)
    return Asked(last, nobody=nobody)


def _ask(step: Step, rota: Rota) -> Asked:
    if step.channel:
        return Asked(0, step.channel, step.channel)
    if step.person:
        one = rota.people[step.person]
        return Asked(0, one.channel, one.name, step.person)
    shift = rota.on_call.get(step.schedule)
    person = rota.people.get(shift.person) if shift else None
    channel = person.channel or rota.schedules[step.schedule].handover if person else ""
    if shift and person and channel:
        return Asked(0, channel, person.name, shift.person)
    return Asked(0, step.fallback, step.fallback, nobody=(step.schedule,))
