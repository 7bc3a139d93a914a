"""Which channels hear of a notification."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import Field

from receiver.settings import MatcherText, Section


class Route(Section):
    """Channels for what matches all matchers; the first such route wins unless it goes on."""

    match: tuple[MatcherText, ...] = ()
    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    goes_on: bool = Field(default=False, alias="continue")


def route(routes: Iterable[Route], labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the channels for these labels, in order and without repeats."""
    names: dict[str, None] = {}
    for candidate in routes:
        if all(matcher.matches(labels) for matcher in candidate.match):
            names |= dict.fromkeys(candidate.channels)
            if not candidate.goes_on:
                break
    return tuple(names)
