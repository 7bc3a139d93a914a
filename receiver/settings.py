"""The building blocks of configuration: strict sections, durations, matchers, secrets in files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

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

from receiver.model import ConfigError

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


def _read_secret(value: Any, info: ValidationInfo) -> SecretStr:
    """Read the file that `value` names; a relative path starts at the configuration's folder.

    The context of the validation has that folder under `folder`.
    """
    path = Path((info.context or {}).get("folder", "."), str(value))
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error.reason
        raise ValueError(f"cannot read {path}: {why}; write the secret alone into it") from error
    if not text:
        raise ValueError(f"{path} is empty; write the secret alone into it")
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
                place = f"line {key_node.start_mark.line + 1}"
                raise yaml.MarkedYAMLError(problem=f"{place}: the key {key!r} stands here twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML document that is a mapping; raises ConfigError with file and place."""
    try:
        document = yaml.load(path.read_text("utf-8"), _StrictLoader)  # noqa: S506 -- a SafeLoader
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8: {error.reason} at byte {error.start}"]) from error
    except yaml.YAMLError as error:
        raise ConfigError([f"{path}: not YAML: {' '.join(str(error).split())}"]) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError([f"{path}: a mapping of settings is expected at the top"])
    return document


def describe(path: Path, error: ValidationError, *within: str) -> Iterator[str]:
    """Say each problem as `file: place: what is wrong`; `within` is where the place starts."""
    for problem in error.errors(include_url=False):
        place = ".".join(str(part) for part in (*within, *problem["loc"])) or "top level"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "unknown key"
        yield f"{path}: {place}: {message}"
