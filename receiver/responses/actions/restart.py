"""A service that hangs, stopped and started again by what supervises it."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from receiver.responses.actions import processes
from receiver.responses.actions.contract import Action, ActionError, Done, Tools
from receiver.responses.actions.docker import SOCKET, ContainerName, Engine
from receiver.responses.actions.systemd import SUDO, SYSTEMCTL, UnitName, control

LABEL = "tocsin.restart"
"""The label without whose value `true` no container is restarted."""


class Restart(Action):
    """Restart the `unit` of systemd, or the `container` of Docker's engine on `socket`.

    `user` means a unit of the receiver's own user, `sudo` one of the system's that only root may
    restart. A container has `patience` seconds to stop by itself.
    """

    idempotent: ClassVar[bool] = True

    action: Literal["restart"]
    unit: UnitName | None = None
    user: bool = False
    sudo: bool = False
    container: ContainerName | None = None
    socket: str = SOCKET
    patience: Annotated[int, Field(ge=0, le=600)] = 10

    @model_validator(mode="after")
    def _check_what(self) -> Self:
        if (self.unit is None) == (self.container is None):
            raise ValueError("write either unit or container")
        if self.user and self.sudo:
            raise ValueError("a unit of one's own user needs no sudo; leave one of the two out")
        return self

    @property
    def says(self) -> str:
        """What it restarts."""
        return f"restart {self.unit or f'container {self.container}'}"

    @property
    def privileges(self) -> tuple[tuple[str, ...], ...]:
        """The command, where it asks sudo for more rights."""
        return ((SYSTEMCTL, "restart", self.unit),) if self.unit and self.sudo else ()

    async def run(self, tools: Tools) -> Done:  # noqa: ARG002 -- the contract's
        """Restart it, and wait until that is done."""
        if self.unit is None:
            return await self._container(self.container or "")
        ended = await processes.run(self._argv(self.unit))
        if ended.code:
            raise ActionError("failed", f"exit {ended.code}", output=ended.output)
        return Done(f"{self.unit} is restarted", ended.output)

    def _argv(self, unit: str) -> list[str]:
        return [*(SUDO if self.sudo else ()), *control("restart", unit, user=self.user)]

    async def _container(self, name: str) -> Done:
        engine = Engine(self.socket, self.timeout)
        found = await engine.container(name)
        if found is None:
            raise ActionError("not_found", f"there is no container {name}")
        if found.labels.get(LABEL) != "true":
            raise ActionError("not_allowed", f"container {name} has no label {LABEL}=true")
        await engine.restart(found, self.patience)
        return Done(f"container {name} is restarted", f"before: {found.said}")
