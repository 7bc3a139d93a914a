"""A program of the user's own, with exactly the arguments that the runbook says."""

import shlex
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from receiver.responses.actions import processes
from receiver.responses.actions.contract import Action, ActionError, Done, Tools
from receiver.settings import Size


def _check_program(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv[0].startswith("/"):
        raise ValueError(f"{argv[0]!r:.60} is no absolute path; write it like /usr/bin/systemctl")
    if "$" in argv[0]:
        raise ValueError("the program itself cannot come from an alert; write its path")
    return argv


class Command(Action):
    """`argv` is started without a shell; any other exit than `succeeds` is a failure.

    With `idempotent` it may be run again where a crash left open whether it ran. `memory` bounds
    what it and each program that it starts may take.
    """

    action: Literal["command"]
    argv: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_check_program)]
    succeeds: tuple[int, ...] = (0,)
    again: Annotated[bool, Field(alias="idempotent")] = False
    memory: Size | None = None

    @property
    def says(self) -> str:
        """The command as one would type it."""
        return shlex.join(self.argv)

    @property
    def repeatable(self) -> bool:
        """What the runbook says of it."""
        return self.again

    @property
    def privileges(self) -> tuple[tuple[str, ...], ...]:
        """The command, where it asks sudo for more rights."""
        return (self.argv[2:],) if self.argv[:2] == ("/usr/bin/sudo", "-n") else ()

    async def run(self, tools: Tools) -> Done:  # noqa: ARG002 -- the contract's
        """Run it to its end."""
        ended = await processes.run(self.argv, memory=self.memory)
        if ended.code not in self.succeeds:
            raise ActionError("failed", f"exit {ended.code}", output=ended.output)
        return Done(f"exit {ended.code}", ended.output)
