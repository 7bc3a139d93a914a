"""The configuration file: strict, every default explicit, and all that is wrong with it at once."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, TypeVar, cast

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    field_validator,
    model_validator,
)

from exporter.collectors import COLLECTORS
from exporter.collectors.contract import Collector, Paths
from exporter.collectors.patterns import NOTHING, PatternList, patterns
from exporter.fitted import MODELS
from exporter.groups.roster import GroupRule
from exporter.model import ConfigError
from exporter.prometheus.connection import Connection
from exporter.prometheus.expression import well_formed
from exporter.settings import (
    Duration,
    MatcherText,
    SecretFile,
    Section,
    Sensitivity,
    describe,
    read_yaml,
)
from exporter.signals import HOST_SIGNALS
from exporter.state.folder import unwritable

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


Listen = Annotated[Address, BeforeValidator(parse_address), PlainSerializer(str, return_type=str)]


def _long_enough(seconds: float) -> float:
    if seconds < 0.1:
        raise ValueError("too short; 100ms is the least")
    return seconds


Span = Annotated[Duration, AfterValidator(_long_enough)]


def _not_the_hosts(name: str) -> str:
    if name in HOST_SIGNALS:
        raise ValueError(f"{name} is one of the host's own signals; choose another name")
    return name


def _a_method(name: str) -> str:
    if name not in MODELS:
        raise ValueError(f"no such method; there are {', '.join(MODELS)}")
    return name


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("one of them is there twice; write each once")
    return names


Method = Annotated[str, AfterValidator(_a_method)]


def _a_minute(seconds: float) -> float:
    if seconds < 60:
        raise ValueError("too short; 1m is the least")
    return seconds


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
    """A signal beside the host's: any exposed metric, or what a Prometheus computes.

    A metric that is a counter is scored as its rate per second.
    """

    name: Annotated[str, Field(pattern=_SIGNAL_NAME), AfterValidator(_not_the_hosts)]
    metric: Annotated[str, Field(pattern=_METRIC_NAME)] | None = None
    match: tuple[MatcherText, ...] = ()
    promql: Annotated[str, Field(min_length=1), AfterValidator(well_formed)] | None = None
    limit: Annotated[int, Field(ge=1)] = 1000
    sensitivity: Sensitivity | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.metric is None) == (self.promql is None):
            raise ValueError("give either metric or promql")
        if self.promql and self.match:
            raise ValueError("match goes with metric; write the matchers into the expression")
        return self


class Scoring(Section):
    """When scores begin, how long an alarm lasts, how easily it is raised, how many series."""

    grace: Duration = 3600.0
    hold: Duration = 300.0
    sensitivity: Sensitivity = 1.0
    limit: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000


class State(Section):
    """Where what was learned is kept."""

    folder: Path = Path("exporter-state")

    @property
    def path(self) -> Path:
        """The folder; a relative one is in TOCSIN_HOME."""
        return Path(os.environ.get("TOCSIN_HOME", ".tocsin"), self.folder)


class ModelSection(Section):
    """Which signals get models that a worker fits, of which kinds, and when."""

    signals: PatternList = NOTHING
    methods: Annotated[tuple[Method, ...], AfterValidator(_each_once)] = ("isolation_forest",)
    window: Annotated[int, Field(ge=4, le=1000)] = 16
    history: Annotated[Duration, AfterValidator(_a_minute)] = 86_400.0
    every: Annotated[Duration, AfterValidator(_a_minute)] = 21_600.0
    deadline: Span = 120.0
    limit: Annotated[int, Field(ge=1, le=10_000)] = 100


Named = TypeVar("Named", Token, NamedSignal)


def _all_different(items: tuple[Named, ...]) -> tuple[Named, ...]:
    names = Counter(item.name for item in items)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValueError(f"there twice: {', '.join(twice)}; give each a name of its own")
    return items


def _all_distinct(rules: tuple[GroupRule, ...]) -> tuple[GroupRule, ...]:
    if len({(rule.name, frozenset(rule.by)) for rule in rules}) < len(rules):
        raise ValueError("two make the same groups; give one of them another name")
    return rules


_HOST_GROUP = GroupRule(name="host", signals=patterns(*HOST_SIGNALS))


def _section_or_off(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """Take `false` for off, and a key without a value, or `true`, for all defaults."""
    if value is False:
        return None
    if not isinstance(value, dict | Section | bool | None):
        raise ValueError("a mapping is expected, or false for off; write keys with values")  # noqa: TRY004 -- pydantic takes no TypeError
    return handler({} if value is None or value is True else value)


def _collector_field(name: str, collector: type[Collector]) -> Any:
    """Make the field of one collector: its own section, with a `deadline` beside its own keys."""
    section = create_model(name, __base__=cast("type[Section]", collector), deadline=(Span, 5.0))
    annotation = Annotated[section | None, WrapValidator(_section_or_off)]
    return annotation, Field(default_factory=section)


_COLLECTOR_FIELDS: dict[str, Any] = {
    name: _collector_field(name, collector) for name, collector in COLLECTORS.items()
}
CollectorSections = create_model("CollectorSections", __base__=Section, **_COLLECTOR_FIELDS)


class Config(Section):
    """Everything that can be configured."""

    listen: Listen = Address("127.0.0.1", 9847)
    interval: Span = 15.0
    tokens: Annotated[tuple[Token, ...], AfterValidator(_all_different)] = ()
    paths: MountPaths = MountPaths()
    collectors: CollectorSections = CollectorSections()
    prometheus: Connection | None = None
    signals: Annotated[tuple[NamedSignal, ...], AfterValidator(_all_different)] = ()
    scoring: Scoring = Scoring()
    state: Annotated[State | None, WrapValidator(_section_or_off)] = State()
    models: ModelSection = ModelSection()
    groups: Annotated[tuple[GroupRule, ...], AfterValidator(_all_distinct)] = (_HOST_GROUP,)

    @field_validator("signals")
    @classmethod
    def _somebody_to_ask(
        cls, signals: tuple[NamedSignal, ...], info: ValidationInfo
    ) -> tuple[NamedSignal, ...]:
        """Check it with the field, since the whole is not looked at while another is wrong."""
        asking = [signal.name for signal in signals if signal.promql]
        if asking and info.data.get("prometheus", ...) is None:
            raise ValueError(f"{', '.join(asking)} need `prometheus`; add it with its url")
        return signals

    def sensitivities(self) -> dict[str, float]:
        """Return the false alarms a week of those signals that have a sensitivity of their own."""
        return {one.name: one.sensitivity for one in self.signals if one.sensitivity is not None}

    def doubts(self) -> list[str]:
        """Say what may be meant so, and may be a mistake."""
        known = [*HOST_SIGNALS, *(signal.name for signal in self.signals)]
        return [
            f"models.signals: {source} matches none of the configured signals, so only "
            f"observations of such a name get models; configured are {', '.join(known)}"
            for source in self.models.signals.sources
            if not any(map(patterns(source).match, known))
        ]

    def obstacles(self) -> list[str]:
        """Say what of this host stands in the way: what is not there, or cannot be written."""
        found = [
            f"paths.{name}: {path} is no folder that can be read; correct it"
            for name, path in self.mounts().missing().items()
        ]
        if self.state and (why := unwritable(self.state.path)):
            found.append(
                f"state.folder: {self.state.path} cannot be written: {why}; choose another, give "
                "this user the right to it, or write `state: false`"
            )
        return found

    def mounts(self) -> Paths:
        """Return where the collectors read."""
        return Paths(self.paths.procfs, self.paths.sysfs, self.paths.rootfs)

    def enabled(self) -> dict[str, Any]:
        """Return the sections of the collectors that are on; each is the collector itself."""
        return {name: section for name, section in self.collectors if section is not None}


def load(path: Path | None) -> Config:
    """Read the file, or take all defaults without one; raises ConfigError with every problem."""
    if path is None:
        return Config()
    document = read_yaml(path)
    try:
        return Config.model_validate(document, context={"folder": path.parent})
    except ValidationError as error:
        raise ConfigError(list(describe(path, error, Config))) from error


def defaults() -> str:
    """Spell every default as YAML."""
    document = Config().model_dump(mode="json", by_alias=True)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
