"""What a step of a runbook is: one action with its parameters, which does a thing and says so."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, ClassVar

from aiohttp import ClientSession
from pydantic import AfterValidator

from receiver.model import Labels
from receiver.settings import Duration, MatcherText, Section

LONGEST_OUTPUT = 64 * 1024
"""Bytes of what an action has to show: the rest is cut, and that is said."""
_LONGEST = 3600.0


class ActionError(Exception):
    """An action that did not do its work: a short word for the metric, and what went wrong.

    `unknown` says that nobody can tell whether it was done, as after a time limit.
    """

    def __init__(
        self, reason: str, detail: str, *, output: str = "", unknown: bool = False
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.output = output
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class Done:
    """What was done in one line, what there is to show, and what taking it back needs."""

    said: str
    output: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


Silence = Callable[[Labels, timedelta, str], Awaitable[str]]
"""Silences what has these labels for so long, with a remark; returns the silence's id."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What an action works with, and the labels of the alert that it is about."""

    http: ClientSession
    labels: Labels
    silence: Silence | None = None


def _check_timeout(seconds: float) -> float:
    if not 0 < seconds <= _LONGEST:
        raise ValueError("write a time of up to 1h")
    return seconds


class Action(Section):
    """A step. It ends within `timeout`, and is left out where the alert does not match `when`.

    Its texts may name fields of the alert as `${labels.instance}`; they are put in before
    anything here is called.
    """

    idempotent: ClassVar[bool] = False
    """Whether it may be done again where nobody knows whether it was done."""
    harmless: ClassVar[bool] = False
    """Whether it only looks, and so is done in a dry run too."""

    action: str
    timeout: Annotated[Duration, AfterValidator(_check_timeout)] = 60.0
    when: tuple[MatcherText, ...] = ()

    @property
    @abstractmethod
    def says(self) -> str:
        """What it is about to do, in one line, for plans, people and the audit."""

    @property
    def repeatable(self) -> bool:
        """Whether this very step may be done again where nobody knows whether it was done."""
        return self.idempotent

    @property
    def privileges(self) -> tuple[tuple[str, ...], ...]:
        """Return the exact commands for which the receiver's user may need more rights."""
        return ()

    @property
    def undoable(self) -> bool:
        """Whether this very step can be taken back."""
        return type(self).undo is not Action.undo

    @abstractmethod
    async def run(self, tools: Tools) -> Done:
        """Do it; raises ActionError. Where it is cancelled, nothing of it goes on."""

    async def undo(self, tools: Tools, notes: Mapping[str, str]) -> Done:  # noqa: ARG002 -- the contract's
        """Take back what `run` did, by its notes; raises ActionError."""
        raise ActionError("no_way_back", f"{self.action} cannot be taken back")
