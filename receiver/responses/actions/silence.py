"""A silence in Alertmanager, while what was done takes its time."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from receiver.responses.actions.contract import Action, ActionError, Done, Tools
from receiver.settings import Duration, format_duration
from receiver.upstream.asking import AskError

_LONGEST = 7 * 86_400.0


def _check_lasting(seconds: float) -> float:
    if not 60 <= seconds <= _LONGEST:
        raise ValueError("write a time from 1m to 7d")
    return seconds


class Silence(Action):
    """Silence for `lasting` what has the alert's own values of the labels `by`.

    One that is there already for the same labels is made longer.
    """

    idempotent: ClassVar[bool] = True

    action: Literal["silence"]
    by: Annotated[tuple[str, ...], Field(min_length=1)]
    lasting: Annotated[Duration, AfterValidator(_check_lasting)] = 3600.0
    why: str = "a response is at work"

    @property
    def says(self) -> str:
        """What is silenced."""
        same = ", ".join(self.by)
        return f"silence what has the same {same} for {format_duration(self.lasting)}"

    async def run(self, tools: Tools) -> Done:
        """Ask Alertmanager for it."""
        if tools.silence is None:
            raise ActionError("no_alertmanager", "no alertmanager is configured")
        labels = {name: tools.labels.get(name, "") for name in self.by}
        if missing := [name for name, value in labels.items() if not value]:
            # An empty value matches whatever lacks the label: far more than what is meant.
            raise ActionError("no_label", f"the alert has no {', '.join(missing)}")
        try:
            made = await tools.silence(labels, timedelta(seconds=self.lasting), self.why)
        except AskError as error:
            raise ActionError(error.reason, str(error), unknown=error.reason == "timeout") from None
        return Done(f"silence {made}")
