"""What verifies a response: a question whose answer is yes, no, or that there is no evidence."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from aiohttp import ClientSession
from pydantic import AfterValidator

from receiver.model import Labels
from receiver.settings import Duration, Section

_LONGEST = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether it holds; None is no evidence. `said` is what was seen, in one line."""

    holds: bool | None
    said: str


Query = Callable[[str], Awaitable[list[tuple[Labels, float]]]]
"""Evaluates PromQL now; raises AskError-like errors as `NoEvidenceError`."""


class NoEvidenceError(Exception):
    """What was asked did not answer, so nothing is known."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Whom checks ask: `rules` are the expressions of alerts by name. None where nobody is there.

    `labels` are those of the alert, and `fires` whether it still does as far as is known.
    """

    http: ClientSession
    labels: Labels
    fires: bool
    query: Query | None = None
    rules: Callable[[], Awaitable[Mapping[str, tuple[str, ...]]]] | None = None


def _check_timeout(seconds: float) -> float:
    if not 0 < seconds <= _LONGEST:
        raise ValueError("write a time of up to 1m")
    return seconds


class Check(Section):
    """A question. Its texts may name fields of the alert as steps do."""

    check: str
    timeout: Annotated[Duration, AfterValidator(_check_timeout)] = 5.0

    @property
    @abstractmethod
    def says(self) -> str:
        """What must hold, in one line."""

    @abstractmethod
    async def ask(self, witness: Witness) -> Answer:
        """Look now; whatever does not answer is no evidence, never a yes."""
