"""The rules of the managed file as values: read, changed and written (pure).

https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from receiver.model import ConfigError
from receiver.settings import Section, describe, read_yaml

HEADER = b"""\
# This file is Tocsin's: its rules are changed by PUT and DELETE at /api/v1/rules, and whatever
# else is written here, comments too, is gone with the next change.
"""
_MARK = b"# This file is Tocsin's"
MOST_GROUPS = 100
MOST_IN_GROUP = 200
MOST_RULES = 1_000
LARGEST = 1024 * 1024
"""Bytes of the file."""

_SPAN = re.compile("".join(rf"(?:\d{{1,6}}{unit})?" for unit in ("y", "w", "d", "h", "m", "s")))
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _check_span(text: str) -> str:
    if not _SPAN.fullmatch(text):
        raise ValueError(f"not a duration: {text!r:.40}; write it like 15s, 5m or 1h30m")
    return text


def _check_text(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("it has control characters; take them out")
    return text


def _check_some(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; write what fires")
    return text


def _check_names(rules: Sequence["Alerting"]) -> Sequence["Alerting"]:
    if twice := _twice(each.alert for each in rules):
        raise ValueError(f"the alert {twice!r} is here twice; give each a name of its own")
    return rules


def _twice(names: Iterable[str]) -> str:
    return next((name for name, count in Counter(names).items() if count > 1), "")


Name = Annotated[str, StringConstraints(pattern=r"^\w[\w .:()+-]{0,99}$")]
Span = Annotated[str, StringConstraints(max_length=20), AfterValidator(_check_span)]
_Text = Annotated[str, StringConstraints(max_length=4_000), AfterValidator(_check_text)]
_Label = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]{0,99}$")]
Labels = Annotated[dict[_Label, _Text], Field(max_length=50)]


class Rule(Section):
    """An alerting rule without its name; spans of time are spelled as Prometheus does."""

    expr: Annotated[_Text, AfterValidator(_check_some)]
    lasting: Span = Field(default="", alias="for")
    keep_firing_for: Span = ""
    labels: Labels = Field(default_factory=dict)
    annotations: Labels = Field(default_factory=dict)


class Alerting(Rule):
    """An alerting rule, as it stands in the file."""

    alert: Name


class Rules(Section):
    """A group without its name."""

    interval: Span = ""
    rules: Annotated[tuple[Alerting, ...], Field(min_length=1), AfterValidator(_check_names)]


class Group(Rules):
    """A group, as it stands in the file."""

    name: Name


class Book(Section):
    """All of the file."""

    groups: tuple[Group, ...] = ()

    def group(self, name: str) -> Group | None:
        """Return the group of a name."""
        return next((each for each in self.groups if each.name == name), None)

    def put(self, group: Group) -> "Book":
        """Put a group in the place of that of its name, or at the end."""
        if self.group(group.name) is None:
            return Book(groups=(*self.groups, group))
        return Book(groups=tuple(group if e.name == group.name else e for e in self.groups))

    def without(self, name: str) -> "Book":
        """Take a group away."""
        return Book(groups=tuple(each for each in self.groups if each.name != name))


def rule_of(group: Group | None, alert: str) -> Alerting | None:
    """Return the rule of an alert."""
    return next((each for each in (group.rules if group else ()) if each.alert == alert), None)


def put_rule(book: Book, name: str, rule: Alerting) -> Book:
    """Put a rule in the place of that of its alert, or at the end of a group, new or not."""
    group = book.group(name)
    if group is None:
        return book.put(Group(name=name, rules=(rule,)))
    if rule_of(group, rule.alert) is None:
        rules: tuple[Alerting, ...] = (*group.rules, rule)
    else:
        rules = tuple(rule if each.alert == rule.alert else each for each in group.rules)
    return book.put(Group(name=name, interval=group.interval, rules=rules))


def drop_rule(book: Book, name: str, alert: str) -> Book:
    """Take a rule away, and with the last one its group."""
    group = book.group(name)
    left = tuple(each for each in (group.rules if group else ()) if each.alert != alert)
    if group is None or not left:
        return book.without(name)
    return book.put(Group(name=name, interval=group.interval, rules=left))


def excess(book: Book) -> str:
    """Say of what there is too much; empty where there is not."""
    if len(book.groups) > MOST_GROUPS:
        return f"over {MOST_GROUPS} groups"
    if any(len(each.rules) > MOST_IN_GROUP for each in book.groups):
        return f"over {MOST_IN_GROUP} rules in a group"
    if sum(len(each.rules) for each in book.groups) > MOST_RULES:
        return f"over {MOST_RULES:,} rules"
    return f"over {LARGEST >> 20} MiB" if len(written(book)) > LARGEST else ""


def tag(part: Group | Alerting) -> str:
    """Return the entity tag of a part (RFC 9110, 8.8.3): another text is another tag."""
    return f'"{hashlib.sha256(part.model_dump_json().encode()).hexdigest()[:32]}"'


def written(book: Book) -> bytes:
    """Return the file of a book."""
    said = {"groups": [_dumped(group) for group in book.groups]}
    return HEADER + yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=200).encode()


def _dumped(group: Group) -> dict[str, object]:
    first = {"name": group.name} | ({"interval": group.interval} if group.interval else {})
    rules = [each.model_dump(by_alias=True, exclude_defaults=True) for each in group.rules]
    return first | {"rules": [{"alert": each.pop("alert"), **each} for each in rules]}


def read(path: Path) -> Book:
    """Read the file, which must be ours if it is there; raises ConfigError and OSError."""
    try:
        with path.open("rb") as file:
            ours = file.readline(200).startswith(_MARK)
    except FileNotFoundError:
        return Book()
    if not ours:
        raise ConfigError([f"{path} is not made by Tocsin; move its rules elsewhere, and it away"])
    try:
        book = Book.model_validate(read_yaml(path))
    except ValidationError as error:
        raise ConfigError([*describe(path, error, Book)]) from error
    if twice := _twice(each.name for each in book.groups):
        raise ConfigError([f"{path}: the group {twice!r} is there twice"])
    return book
