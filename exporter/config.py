"""The configuration file: strict, every default explicit, and all that is wrong with it at once."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, cast

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    model_validator,
)

from exporter.collectors import COLLECTORS
from exporter.collectors.contract import Collector
from exporter.model import ConfigError
from exporter.settings import Duration, MatcherText, SecretFile, Section, describe, read_yaml
from exporter.signals import HOST_SIGNALS

_ADDRESS = re.compile(r"(?:\[([0-9a-fA-F:.%]+)\]|([^:\[\]]*)):(\d{1,5})")
_METRIC_NAME = r"^[a-zA-Z_:][a-zA-Z0-9_:]*$"
_SIGNAL_NAME = r"^[a-zA-Z_][a-zA-Z0-9_]*$"


class Address(NamedTuple):
    """Where to listen; an empty host is every interface."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(value: Any) -> Address:
    """Read `host:port`, `:port` or `[IPv6 address]:port`."""
    found = _ADDRESS.fullmatch(str(value))
    if not found or int(found[3]) > 65_535:
        raise ValueError(f"not an address: {str(value)!r}; write it like 127.0.0.1:9847")
    return Address(found[1] or found[2] or "", int(found[3]))


def _at_least(least: float, spelled: str) -> AfterValidator:
    def check(seconds: float) -> float:
        if seconds < least:
            raise ValueError(f"too short; {spelled} is the least")
        return seconds

    return AfterValidator(check)


Positive = Annotated[Duration, _at_least(0.1, "100ms")]


class Token(Section):
    """Who may read; the token itself stands in a file of its own."""

    name: str
    token: SecretFile = Field(alias="file")


class MountPaths(Section):
    """Where the host's file systems are mounted, e.g. below /host in a container."""

    procfs: Path = Path("/proc")
    sysfs: Path = Path("/sys")
    rootfs: Path = Path("/")


class NamedSignal(Section):
    """Any exposed metric as a signal; a counter is scored as its rate per second."""

    name: str = Field(pattern=_SIGNAL_NAME)
    metric: str = Field(pattern=_METRIC_NAME)
    match: list[MatcherText] = []
    limit: int = Field(default=1000, ge=1, description="the most series that are scored")


class Scoring(Section):
    """When scores begin, and how long an alarm lasts."""

    grace: Duration = 3600.0
    hold: Duration = 300.0


def _section_or_off(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Take `false` for off, and a key without a value, or `true`, for all defaults."""
    if value is False:
        return None
    return handler({} if value is None or value is True else value)


def _collector_field(name: str, collector: type[Collector]) -> Any:
    """Make the field of one collector: its own section, and a `deadline` beside its own keys."""
    base = cast("type[Section]", collector)
    section = create_model(name, __base__=base, deadline=(Annotated[Positive, Field()], 5.0))
    annotation = Annotated[section | None, WrapValidator(_section_or_off)]
    return (annotation, Field(default_factory=section))


CollectorSections: type[Section] = create_model(
    "CollectorSections",
    __base__=Section,
    **{name: _collector_field(name, collector) for name, collector in COLLECTORS.items()},
)


class Config(Section):
    """Everything that can be configured."""

    listen: Annotated[
        Address, BeforeValidator(parse_address), PlainSerializer(str, return_type=str)
    ] = Address("127.0.0.1", 9847)
    interval: Positive = 15.0
    tokens: list[Token] = []
    paths: MountPaths = MountPaths()
    collectors: Annotated[Section, Field()] = Field(default_factory=CollectorSections)
    signals: list[NamedSignal] = []
    scoring: Scoring = Scoring()

