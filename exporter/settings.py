"""The building blocks of configuration: sections that refuse unknown keys, durations, matchers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    SecretStr,
    ValidationError,
    ValidationInfo,
)

from exporter.model import ConfigError

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


_SENSITIVITIES = {"low": 7 / 30.44, "medium": 1.0, "high": 7.0}
"""False alarms a week of an ordinary series: one a month, a week, a day."""
LEAST_ALARMS, MOST_ALARMS = 0.02, 168.0
"""One a year, and one an hour."""


def parse_sensitivity(value: Any) -> float:
    """Read low, medium, high, or a number of false alarms a week; returns that number."""
    if isinstance(value, str) and value in _SENSITIVITIES:
        return _SENSITIVITIES[value]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not LEAST_ALARMS <= value <= MOST_ALARMS:
        raise ValueError(
            f"not a sensitivity: {value!r}; write low, medium or high, or the false alarms a week "
            f"that you accept, {LEAST_ALARMS:g} to {MOST_ALARMS:g}"
        )
    return float(value)


def format_sensitivity(alarms_a_week: float) -> str | float:
    """Spell a sensitivity as `parse_sensitivity` reads it."""
    words = {alarms: word for word, alarms in _SENSITIVITIES.items()}
    return words.get(alarms_a_week, alarms_a_week)


Sensitivity = Annotated[
    float,
    BeforeValidator(parse_sensitivity),
    PlainSerializer(format_sensitivity, return_type=str | float),
]


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


def _from_folder(value: Any, info: ValidationInfo) -> Path:
    """Let a relative path start at the configuration's folder, which the context has."""
    return Path((info.context or {}).get("folder", "."), str(value))


FilePath = Annotated[Path, BeforeValidator(_from_folder)]


def _read_secret(value: Any, info: ValidationInfo) -> SecretStr:
    """Read the file that `value` names."""
    path = _from_folder(value, info)
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error.reason
        raise ValueError(f"cannot read {path}: {why}; write the secret alone into it") from error
    if not text:
        raise ValueError(f"{path} is empty; write the secret alone into it")
    if len(text.splitlines()) > 1:
        raise ValueError(f"{path} has several lines; write the secret alone into it")
    return SecretStr(text)


SecretFile = Annotated[SecretStr, BeforeValidator(_read_secret)]
"""A secret that stands in a file of its own, read when the configuration is."""


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
    "bool_parsing": "true or false is expected",
    "bool_type": "true or false is expected; write it without quotes",
    "datetime_from_date_parsing": "not a time; write it like 2026-01-31T23:59:00Z",
    "datetime_type": "not a time; write it like 2026-01-31T23:59:00Z",
    "dict_type": "a mapping is expected; write keys with values",
    "greater_than_equal": "too small; {ge} is the least",
    "int_from_float": "a whole number is expected; write it like 100",
    "int_parsing": "a whole number is expected; write it like 100",
    "int_type": "a whole number is expected; write it like 100",
    "less_than_equal": "too large; {le} is the most",
    "list_type": "a list is expected; write it like [first, second]",
    "literal_error": "no such word here; write {expected}",
    "missing": "is missing; add it",
    "model_type": "a mapping is expected; write keys with values",
    "path_type": "a path is expected; write it like /var/lib/tocsin",
    "string_pattern_mismatch": "not a name; use letters, digits and underscores",
    "string_too_long": "too long; {max_length} characters are the most",
    "string_too_short": "is empty; write something, or leave the key out",
    "string_type": "a text is expected; put it in quotes",
    "timezone_aware": "a time without its zone; write it like 2026-01-31T23:59:00Z",
    "too_long": "too many; {max_length} are the most",
    "tuple_type": "a list is expected; write it like [first, second]",
}
"""What pydantic's types of problems are called here, each with its remedy."""


def describe(path: Path, error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Say each problem as `file: place: what is wrong; remedy`; `model` is what was validated."""
    yield from (f"{path}: {problem}" for problem in explain(error, model))


def explain(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Say each problem as `place: what is wrong; remedy`."""
    for problem in error.errors(include_url=False):
        place = problem["loc"]
        said = problem["msg"].removeprefix("Value error, ")
        message = _WORDS.get(problem["type"], "{said}").format(said=said, **problem.get("ctx", {}))
        if problem["type"] == "extra_forbidden":
            known = ", ".join(_known_keys(model, place)) or "none"
            message = f"unknown key; known here: {known}"
        yield f"{'.'.join(map(str, place)) or 'top level'}: {message}"


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
