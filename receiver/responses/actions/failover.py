"""Traffic, led away from what fails; and back to it."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import model_validator

from receiver.responses.actions.balancers import Balancer, Haproxy, Nginx
from receiver.responses.actions.contract import Action, Done, Tools


class Failover(Action):
    """Change how one of `haproxy` and `nginx` leads traffic; taken back, it is as before."""

    action: Literal["failover"]
    haproxy: Haproxy | None = None
    nginx: Nginx | None = None

    @model_validator(mode="after")
    def _check_balancer(self) -> Self:
        if (self.haproxy is None) == (self.nginx is None):
            raise ValueError("write either haproxy or nginx")
        if self.haproxy and self.haproxy.state is None and self.haproxy.weight is None:
            raise ValueError("haproxy: write state, weight or both")
        return self

    @property
    def balancer(self) -> Balancer:
        """What leads the traffic."""
        balancer = self.haproxy or self.nginx
        assert balancer is not None  # noqa: S101 -- checked when it was read
        return balancer

    @property
    def says(self) -> str:
        """What is changed."""
        return self.balancer.says

    @property
    def repeatable(self) -> bool:
        """Whatever is set is set the same again, but what was before would be forgotten."""
        return False

    @property
    def privileges(self) -> tuple[tuple[str, ...], ...]:
        """Those of the balancer."""
        return self.balancer.privileges

    async def run(self, tools: Tools) -> Done:  # noqa: ARG002 -- the contract's
        """Change it."""
        return await self.balancer.lead()

    async def undo(self, tools: Tools, notes: Mapping[str, str]) -> Done:  # noqa: ARG002 -- the contract's
        """Change it back."""
        await self.balancer.back(notes)
        return Done("it is as before")
