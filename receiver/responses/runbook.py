"""Runbooks: what is done about which alerts, under which guards, and how it is known to help."""

import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from receiver.messages.route import ChannelName
from receiver.model import Labels, Language, Pace
from receiver.responses import fields
from receiver.responses.actions import ACTIONS, Action
from receiver.responses.checks import CHECKS, Check
from receiver.responses.kinds import one_of
from receiver.settings import Duration, MatcherText, PaceText, Section

_NAME = r"^[a-z][a-z0-9-]{0,59}$"
_MOST_STEPS = 50


class Mode(StrEnum):
    """How far a runbook goes by itself."""

    OFF = "off"
    DRY_RUN = "dry-run"
    APPROVE = "approve"
    AUTO = "auto"


ACTING = {Mode.APPROVE, Mode.AUTO}


def _check_fields(value: Any) -> Any:
    """Refuse the names of fields that no alert has."""
    if wrong := fields.unknown(value):
        raise ValueError(f"no alert has ${{{wrong[0]:.60}}}; there are {fields.known()}")
    return value


def _check_target(pattern: str) -> str:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {pattern!r:.80} ({error})") from error
    if compiled.fullmatch(""):
        raise ValueError(f"{pattern!r:.80} matches nothing too; name what may be acted on")
    return pattern


Step = Annotated[Action, one_of("action", ACTIONS), AfterValidator(_check_fields)]
Steps = Annotated[tuple[Step, ...], Field(max_length=_MOST_STEPS)]
CheckText = Annotated[Check, one_of("check", CHECKS), AfterValidator(_check_fields)]
Target = Annotated[str, AfterValidator(_check_target)]


class Blast(Section):
    """How much of a group may be acted on within `within`: a `share` of what `group` counts.

    `group` is PromQL that gives one number, and `most` a bound whatever it gives. Past it the
    runbook's breaker opens, and only a person closes it.
    """

    group: str = ""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    most: Annotated[int, Field(ge=1)] = 3
    within: Duration = 3600.0

    @model_validator(mode="after")
    def _check_group(self) -> Self:
        _check_fields(self.group)
        return self


class Guard(Section):
    """What keeps a runbook from acting.

    `targets` are patterns of what it may act on. `tries` are for one episode of an alert,
    `cooldown` is between two runs on one target, `concurrency` and `rate` bound all its runs.
    `approval` is how long it waits for people, of whom it needs two with `two_people`. It acts
    by itself only after `promotion` runs to which people agreed were verified.
    """

    targets: Annotated[tuple[Target, ...], Field(min_length=1)] | None = None
    tries: Annotated[int, Field(ge=1, le=10)] = 1
    cooldown: Duration = 900.0
    concurrency: Annotated[int, Field(ge=1)] = 1
    rate: PaceText = Pace(6, 3600.0)
    blast: Blast = Blast()
    approval: Duration = 900.0
    two_people: bool = False
    promotion: Annotated[int, Field(ge=0)] = 3


class Verify(Section):
    """All `checks` hold for `stable` before `within` is over, looked at `every` so often."""

    checks: Annotated[tuple[CheckText, ...], Field(min_length=1)] = (
        CHECKS["cleared"].model_validate({"check": "cleared"}),
    )
    within: Duration = 300.0
    stable: Duration = 0.0
    every: Duration = 5.0


class Runbook(Section):
    """What is done about alerts that match.

    `target` is the label that names what is acted on. `rollback` is what is done where nothing
    helped: steps of its own, or `undo`, which takes back each step that can be. `on_failure` are
    channels that hear of it besides those of the incident.
    """

    name: Annotated[str, Field(pattern=_NAME)]
    match: Annotated[tuple[MatcherText, ...], Field(min_length=1)]
    lasting: Annotated[Duration, Field(alias="for")] = 0.0
    mode: Mode = Mode.DRY_RUN
    target: Annotated[str, Field(pattern=r"^[a-zA-Z_]\w*$")] = "instance"
    steps: Annotated[Steps, Field(min_length=1)]
    guard: Guard = Guard()
    verify: Verify = Verify()
    rollback: Steps | str = ()
    on_failure: tuple[ChannelName, ...] = ()
    language: Language | None = None

    @model_validator(mode="after")
    def _check_guards(self) -> Self:
        if self.mode in ACTING and not self.guard.targets:
            raise ValueError(f"mode {self.mode} needs guard.targets; name what may be acted on")
        if isinstance(self.rollback, str) and self.rollback != "undo":
            raise ValueError(f"rollback is {self.rollback!r:.40}; write steps, or undo")
        return self

    def matches(self, labels: Labels) -> bool:
        """Whether an alert with these labels is what it is for."""
        return all(matcher.matches(labels) for matcher in self.match)

    def allows(self, target: str) -> bool:
        """Whether it may act on this."""
        return any(re.fullmatch(each, target) for each in self.guard.targets or ())
