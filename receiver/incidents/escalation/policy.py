"""The section `escalations` of the configuration."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import accumulate
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from receiver.incidents.oncall.schedule import Known, Name, Schedule
from receiver.incidents.people import People
from receiver.messages.route import ChannelName
from receiver.model import Labels
from receiver.settings import Duration, MatcherText, Section

_LONGEST = 30 * 86400.0
_SHORTEST_ROUND = 60.0
_MOST = 20


def _check_wait(seconds: float) -> float:
    if seconds > _LONGEST:
        raise ValueError("longer than 30d; nobody would wait for that")
    return seconds


def _check_round(seconds: float) -> float:
    if seconds < _SHORTEST_ROUND:
        raise ValueError("shorter than 1m; give people time to answer")
    return _check_wait(seconds)


class Step(Section):
    """Whom to ask when nobody answered for so long: a channel, a person, or whoever is on call.

    `fallback` is the channel that hears of it where a schedule has nobody.
    """

    after: Annotated[Duration, AfterValidator(_check_wait)]
    channel: ChannelName = ""
    person: Known | None = None
    schedule: str = ""
    fallback: ChannelName = ""

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if sum(map(bool, (self.channel, self.person, self.schedule))) != 1:
            raise ValueError("write one of channel, person and schedule")
        if self.fallback and not self.schedule:
            raise ValueError("fallback belongs to schedule, which may have nobody; remove it")
        return self


def _check_number(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Refuse none, and too many; pydantic's own bound would count out what is wrong in itself."""
    if not steps:
        raise ValueError("is empty; write at least one")
    if len(steps) > _MOST:
        raise ValueError(f"has {len(steps)} steps; write {_MOST} at most, and repeat them")
    return steps


class Policy(Section):
    """Steps for what matches all matchers, each so long after the one before.

    The first comes so long after the incident opened. All are gone through again `repeat` times,
    each time after `wait`.
    """

    match: tuple[MatcherText, ...] = ()
    steps: Annotated[tuple[Step, ...], AfterValidator(_check_number)]
    repeat: Annotated[int, Field(ge=0, le=10)] = 0
    wait: Annotated[Duration, AfterValidator(_check_round)] = 1800.0

    @property
    def total(self) -> int:
        """How many steps there are in all rounds."""
        return len(self.steps) * (1 + self.repeat)

    def offset(self, index: int) -> timedelta:
        """Return how long after the start a step comes; all rounds are counted together."""
        rounds, number = divmod(index, len(self.steps))
        waits = [*accumulate(step.after for step in self.steps)]
        return timedelta(seconds=rounds * (waits[-1] + self.wait) + waits[number])

    def covers(self, labels: Labels) -> bool:
        """Whether all matchers match."""
        return all(matcher.matches(labels) for matcher in self.match)


def first(policies: Mapping[str, Policy], alerts: Iterable[Labels]) -> str:
    """Return the name of the first policy that matches an alert, empty where none does."""
    every = [*alerts]
    for name, policy in policies.items():
        if any(policy.covers(labels) for labels in every):
            return name
    return ""


def _check(policies: dict[str, Policy], info: ValidationInfo) -> dict[str, Policy]:
    """Refuse steps that could reach nobody; what is wrong with people is said elsewhere."""
    if "people" not in info.data or "schedules" not in info.data:
        return policies
    people, schedules = info.data["people"], info.data["schedules"]
    said = [
        f"{name}: step {number}: {problem}"
        for name, policy in policies.items()
        for number, step in enumerate(policy.steps, 1)
        for problem in _problems(step, people, schedules)
    ]
    if said:
        raise ValueError("\n".join(said))
    return policies


def _problems(step: Step, people: People, schedules: Mapping[str, Schedule]) -> Iterator[str]:
    if step.person and not people[step.person].channel:
        yield f"{step.person} cannot be reached; write a channel at people.{step.person}"
    if not step.schedule:
        return
    if step.schedule not in schedules:
        there = ", ".join(schedules) or "none; write some under schedules"
        yield f"no schedule is named {step.schedule!r:.60}; there are {there}"
    elif not step.fallback and not (schedule := schedules[step.schedule]).handover:
        for key in dict.fromkeys(_members(schedule)):
            if not people[key].channel:
                remedy = "or a handover channel at the schedule, or a fallback here"
                yield f"{key} cannot be reached; write a channel at people.{key}, {remedy}"


def _members(schedule: Schedule) -> Iterator[str]:
    yield from (key for layer in schedule.layers for key in layer.people)
    yield from (override.person for override in schedule.overrides)


Escalations = Annotated[dict[Name, Policy], AfterValidator(_check)]
"""Policies by name; the first that matches holds."""
