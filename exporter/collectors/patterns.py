"""Lists of patterns in the configuration, which choose devices and mounts by name."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from exporter.settings import Section


@dataclass(frozen=True, slots=True)
class Patterns:
    """Regular expressions, each anchored at both ends, and the one that stands for them all."""

    sources: tuple[str, ...]
    regex: re.Pattern[str]

    def match(self, name: str) -> bool:
        """Whether one of them matches; of an empty list none does."""
        return self.regex.fullmatch(name) is not None


def patterns(*sources: str) -> Patterns:
    """Compile a list; raises ValueError naming the one that is no regular expression."""
    for source in sources:
        try:
            re.compile(source)
        except re.error as error:
            raise ValueError(f"not a regular expression: {source!r} ({error})") from error
    either = "|".join(f"(?:{source})" for source in sources)
    return Patterns(sources, re.compile(either or "(?!)"))


def _parse(value: Any) -> Patterns:
    if isinstance(value, Patterns):
        return value
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("a list of patterns is expected, like [tmpfs, overlay]")
    return patterns(*value)


def _sources(value: Patterns) -> list[str]:
    return list(value.sources)


PatternList = Annotated[
    Patterns, BeforeValidator(_parse), PlainSerializer(_sources, return_type=list[str])
]
EVERYTHING = patterns(".*")
NOTHING = patterns()


class ByDevice(Section):
    """A collector's devices: those that an include pattern matches and no exclude pattern."""

    include_devices: PatternList = EVERYTHING
    exclude_devices: PatternList = NOTHING

    def wants(self, device: str) -> bool:
        """Whether the patterns choose this device."""
        return self.include_devices.match(device) and not self.exclude_devices.match(device)
