"""A pause, so that what was done can have its effect."""

import asyncio
from typing import ClassVar, Literal

from receiver.responses.actions.contract import Action, Done, Tools
from receiver.settings import Duration, format_duration


class Wait(Action):
    """Wait for a time, which must be shorter than the step's `timeout`."""

    idempotent: ClassVar[bool] = True

    action: Literal["wait"]
    lasting: Duration

    @property
    def says(self) -> str:
        """How long."""
        return f"wait for {format_duration(self.lasting)}"

    async def run(self, tools: Tools) -> Done:  # noqa: ARG002 -- the contract's
        """Wait."""
        await asyncio.sleep(self.lasting)
        return Done(f"waited for {format_duration(self.lasting)}")
