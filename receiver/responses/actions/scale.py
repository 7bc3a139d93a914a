"""More of what is overloaded, or less of what idles, within bounds."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from receiver.responses.actions.contract import Action, ActionError, Done, Tools
from receiver.responses.actions.scalers import Compose, HttpScaler, Kubernetes, Scaler


def wanted(now: int, by: int, least: int, most: int) -> int | None:
    """Return how many there should be, None where a bound leaves no step in this direction."""
    many = min(max(now + by, least), most)
    return many if (many - now) * by > 0 else None


class Scale(Action):
    """`by` so many more, or fewer, of one of `compose`, `kubernetes` and `http`.

    There are never more than `most` after it, nor fewer than `least`. Taken back, there are as
    many as before, unless somebody else has changed it since.
    """

    action: Literal["scale"]
    compose: Compose | None = None
    kubernetes: Kubernetes | None = None
    http: HttpScaler | None = None
    by: int = 1
    least: Annotated[int, Field(ge=0)] = 1
    most: Annotated[int, Field(ge=1, le=10_000)]

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if sum(each is not None for each in (self.compose, self.kubernetes, self.http)) != 1:
            raise ValueError("write one of compose, kubernetes and http")
        if not self.by:
            raise ValueError("by is 0; write how many more, or with a minus how many fewer")
        if self.least > self.most:
            raise ValueError(f"least is {self.least}, over most, {self.most}; exchange them")
        return self

    @property
    def scaler(self) -> Scaler:
        """What it is done with."""
        scaler = self.compose or self.kubernetes or self.http
        assert scaler is not None  # noqa: S101 -- checked when it was read
        return scaler

    @property
    def says(self) -> str:
        """How many more of what."""
        return f"scale {self.scaler.says} by {self.by:+d}, within {self.least} and {self.most}"

    async def run(self, tools: Tools) -> Done:
        """Look how many there are, and ask for more or fewer."""
        before = await self.scaler.read(tools.http, self.timeout)
        many = wanted(before.many, self.by, self.least, self.most)
        if many is None:
            bounds = f"at least {self.least} and at most {self.most}"
            raise ActionError("at_bound", f"there are {before.many}, of {bounds}")
        await self.scaler.write(tools.http, self.timeout, before, many)
        notes = {"before": str(before.many), "after": str(many)}
        return Done(f"{before.many} are {many} now", notes=notes)

    async def undo(self, tools: Tools, notes: Mapping[str, str]) -> Done:
        """Ask for as many as there were, where it is still as this step left it."""
        now = await self.scaler.read(tools.http, self.timeout)
        before, after = int(notes["before"]), int(notes["after"])
        if now.many == before:
            return Done(f"there are {before} already")
        if now.many != after:
            raise ActionError("changed_since", f"there are {now.many}, and {after} were set")
        await self.scaler.write(tools.http, self.timeout, now, before)
        return Done(f"{after} are {before} again")
