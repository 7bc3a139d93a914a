"""Which channels hear of a notification."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from receiver.settings import HoursName, MatcherText, Section


def _check_channel(name: str, info: ValidationInfo) -> str:
    """Refuse what is not among `channels` of the context, where it has some; nothing is none."""
    known = (info.context or {}).get("channels")
    if name and known is not None and name not in known:
        raise ValueError(f"no channel is named {name!r:.60}; there are {', '.join(known)}")
    return name


ChannelName = Annotated[str, AfterValidator(_check_channel)]
"""The name of a channel that the configuration has, or none."""
_Named = Annotated[ChannelName, Field(min_length=1)]


class Route(Section):
    """Channels for what matches all matchers; the first such route wins unless it goes on.

    In its `mute_times`, names of hours, nobody is told by it.
    """

    match: tuple[MatcherText, ...] = ()
    channels: Annotated[tuple[_Named, ...], Field(min_length=1)]
    goes_on: bool = Field(default=False, alias="continue")
    mute_times: tuple[HoursName, ...] = ()


def route(routes: Iterable[Route], labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the channels for these labels, in order and without repeats."""
    return tuple(dict.fromkeys(name for each in taken(routes, labels) for name in each.channels))


def taken(routes: Iterable[Route], labels: Mapping[str, str]) -> Iterator[Route]:
    """Yield the routes that labels take."""
    for candidate in routes:
        if all(matcher.matches(labels) for matcher in candidate.match):
            yield candidate
            if not candidate.goes_on:
                return
