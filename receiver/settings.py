"""The building blocks of configuration: strict sections, durations, matchers, secrets in files."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SecretStr,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails

from receiver.model import ConfigError, Pace

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_MATCHER = re.compile(r"""\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*""")


class Section(BaseModel):
    """A part of the configuration; frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def parse_duration(value: Any) -> float:
    """Read a duration in Prometheus' spelling, e.g. `15s`, `1h30m`; returns seconds."""
    text = str(value)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"not a duration: {text!r}; write it like 15s, 5m or 1h30m")
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def format_duration(seconds: float) -> str:
    """Spell seconds as `parse_duration` reads them."""
    for unit, size in reversed(_UNITS.items()):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds * 1000:g}ms"


Duration = Annotated[
    float, BeforeValidator(parse_duration), PlainSerializer(format_duration, return_type=str)
]


def parse_pace(value: Any) -> Pace:
    """Read `20/1m`: at most twenty messages within any minute."""
    count, _, period = str(value).partition("/")
    if not count.isdecimal() or not int(count):
        raise ValueError(f"not a pace: {value!r}; write it like 20/1m")
    seconds = parse_duration(period)
    if not seconds:
        raise ValueError(f"not a pace: {value!r}; write a period longer than nothing, as in 20/1m")
    return Pace(int(count), seconds)


def format_pace(pace: Pace) -> str:
    """Spell a pace as `parse_pace` reads it."""
    return f"{pace.count}/{format_duration(pace.period)}"


PaceText = Annotated[
    Pace, BeforeValidator(parse_pace), PlainSerializer(format_pace, return_type=str)
]
_SIZES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(KiB|MiB|GiB|TiB)")


def parse_size(value: Any) -> int:
    """Read a size like `512MiB` or `4GiB`; returns bytes."""
    found = _SIZE.fullmatch(str(value))
    if not found:
        raise ValueError(f"not a size: {str(value)!r}; write it like 512MiB or 4GiB")
    return int(float(found[1]) * _SIZES[found[2]])


def format_size(size: int) -> str:
    """Spell bytes as `parse_size` reads them."""
    unit, many = next(
        (pair for pair in reversed(_SIZES.items()) if size % pair[1] == 0), ("KiB", 2**10)
    )
    return f"{size / many:g}{unit}"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher with Prometheus' meaning: a missing label is an empty one."""

    name: str
    operator: str
    value: str
    pattern: re.Pattern[str]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the label set satisfies this matcher; patterns are anchored at both ends."""
        hit = self.pattern.fullmatch(labels.get(self.name, "")) is not None
        return hit is not self.operator.startswith("!")

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.name}{self.operator}"{escaped}"'


def parse_matcher(value: Any) -> Matcher:
    """Read `name="value"` with one of the operators =, !=, =~, !~."""
    found = _MATCHER.fullmatch(str(value))
    if not found:
        raise ValueError(f'not a matcher: {value!r}; write it like severity="critical"')
    name, operator, quoted = found.groups()
    text = re.sub(r"\\(.)", r"\1", quoted) if operator in {"=", "!="} else quoted
    source = text if operator.endswith("~") else re.escape(text)
    try:
        return Matcher(name, operator, text, re.compile(source))
    except re.error as error:
        raise ValueError(f"not a regular expression: {text!r} ({error})") from error


MatcherText = Annotated[
    Matcher, BeforeValidator(parse_matcher), PlainSerializer(str, return_type=str)
]


Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(format_size, return_type=str)]


def _check_hours(name: str, info: ValidationInfo) -> str:
    """Refuse hours that are not among `hours` of the context, where it has some to compare."""
    known = (info.context or {}).get("hours")
    if known is not None and name not in known:
        there = ", ".join(map(str, known)) or "none"
        raise ValueError(f"no hours are named {name!r:.60} under mute_times; there are {there}")
    return name


HoursName = Annotated[str, AfterValidator(_check_hours)]
"""The name of hours that the configuration has under `mute_times`."""
_ENV = "env:"


def _read_secret(value: Any, info: ValidationInfo) -> SecretStr:
    """Read the file that `value` names, or with `env:NAME` the environment's variable.

    A relative path starts at the configuration's folder, which the context of the validation
    has under `folder`.
    """
    if str(value).startswith(_ENV):
        return _read_variable(str(value).removeprefix(_ENV))
    path = Path((info.context or {}).get("folder", "."), str(value))
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error.reason
        raise ValueError(f"cannot read {path}: {why}; write the secret alone into it") from error
    if not text:
        raise ValueError(f"{path} is empty; write the secret alone into it")
    return SecretStr(text)


def _read_variable(name: str) -> SecretStr:
    text = os.environ.get(name, "").strip()
    if not text:
        raise ValueError(f"the environment has no {name}; set it to the secret")
    return SecretStr(text)


SecretFile = Annotated[SecretStr, BeforeValidator(_read_secret)]
"""A secret that stands in a file of its own, read when the configuration is."""


def secrets_of(part: object) -> Iterator[str]:
    """Yield every secret in a part of the configuration."""
    if isinstance(part, SecretStr):
        yield part.get_secret_value()
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from secrets_of(getattr(part, name))
    elif isinstance(part, Mapping):
        for inner in part.values():
            yield from secrets_of(inner)
    elif isinstance(part, tuple | list):
        for inner in part:
            yield from secrets_of(inner)


class _StrictLoader(yaml.SafeLoader):
    """A YAML loader that refuses a key written twice, since one of the two would be ignored."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- PyYAML's signature
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                problem = f"the key {key!r} stands here twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _explain(error: yaml.YAMLError) -> str:
    """Say on one line what is wrong and where; PyYAML draws a picture over several."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    problem = getattr(error, "problem", None) or "something is wrong"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML document that is a mapping; raises ConfigError with file and place."""
    try:
        document = yaml.load(path.read_text("utf-8"), _StrictLoader)  # noqa: S506 -- a SafeLoader
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8: {error.reason} at byte {error.start}"]) from error
    except yaml.YAMLError as error:
        raise ConfigError([f"{path}: not YAML: {_explain(error)}"]) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError([f"{path}: a mapping of settings is expected at the top"])
    return document


_WORDS = {
    "bool_type": "true or false is expected; write it without quotes",
    "dict_type": "a mapping is expected; write keys with values",
    "enum": "no such word here; write {expected}",
    "list_type": "a list is expected; write it like [first, second]",
    "missing": "is missing; add it",
    "model_type": "a mapping is expected; write keys with values",
    "string_pattern_mismatch": "not a name; use letters, digits and underscores",
    "string_type": "a text is expected; put it in quotes",
    "too_short": "is empty; write at least one",
    "tuple_type": "a list is expected; write it like [first, second]",
}
"""What pydantic's types of problems are called here, each with its remedy."""


def describe(
    path: Path, error: ValidationError, model: type[BaseModel], *within: str
) -> Iterator[str]:
    """Say each problem as `file: place: what is wrong; remedy`; one may have several lines.

    `model` is what was validated, and `within` is where the place starts.
    """
    for place, message in faults(error, model):
        where = ".".join(map(str, (*within, *place))) or "top level"
        yield from (f"{path}: {where}: {line}" for line in message.splitlines())


def faults(
    error: ValidationError, model: type[BaseModel]
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Yield the place of each problem, and what is wrong there with its remedy."""
    problems = error.errors(include_url=False)
    for problem in problems:
        place = problem["loc"]
        if problem["type"] == "too_short" and _is_emptied(place, problems):
            continue
        said = problem["msg"].removeprefix("Value error, ")
        message = _WORDS.get(problem["type"], "{said}").format(said=said, **problem.get("ctx", {}))
        if problem["type"] == "extra_forbidden":
            known = ", ".join(_known_keys(model, place)) or "none"
            message = f"unknown key; known here: {known}"
        yield place, message


def _is_emptied(place: tuple[int | str, ...], problems: Sequence[ErrorDetails]) -> bool:
    """Whether a list only counts as empty since what is in it is wrong."""
    return any(len(p["loc"]) > len(place) and p["loc"][: len(place)] == place for p in problems)


def _known_keys(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Name the keys of the section that holds the last part of `place`."""
    for part in place[:-1]:
        field = model.model_fields.get(str(part))
        model = next(_sections(field.annotation), model) if field else model
    return [field.alias or name for name, field in model.model_fields.items()]


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """Find the sections within an annotation, e.g. that of `list[Section]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)
