"""What supervises a service must say that it runs."""

from typing import Literal

from receiver.responses.actions import ActionError, processes
from receiver.responses.actions.docker import SOCKET, ContainerName, Engine
from receiver.responses.actions.systemd import UnitName, control
from receiver.responses.checks.contract import Answer, Check, Witness

_DOWN = {"inactive", "failed", "activating", "deactivating", "reloading", "maintenance"}


class Unit(Check):
    """`unit` of systemd is active; with `user`, it is one of the receiver's own user."""

    check: Literal["unit"]
    unit: UnitName
    user: bool = False

    @property
    def says(self) -> str:
        """Which one."""
        return f"{self.unit} is active"

    async def ask(self, witness: Witness) -> Answer:  # noqa: ARG002 -- the contract's
        """Ask systemd."""
        try:
            ended = await processes.run(control("is-active", self.unit, user=self.user))
        except ActionError as error:
            return Answer(None, error.detail)
        said = ended.output.strip()
        if said == "active":
            return Answer(True, said)
        return Answer(False if said in _DOWN else None, f"{said or 'no answer':.120}")


class Container(Check):
    """`container` runs, and is healthy where something looks at its health."""

    check: Literal["container"]
    container: ContainerName
    socket: str = SOCKET

    @property
    def says(self) -> str:
        """Which one."""
        return f"container {self.container} runs"

    async def ask(self, witness: Witness) -> Answer:  # noqa: ARG002 -- the contract's
        """Ask Docker's engine."""
        try:
            found = await Engine(self.socket, self.timeout).container(self.container)
        except ActionError as error:
            return Answer(None, error.detail)
        if found is None:
            return Answer(False, "there is none")
        return Answer(found.status == "running" and found.health in {"", "healthy"}, found.said)
