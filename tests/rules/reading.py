"""Reads rule files, and what the expressions in them select."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import promql_parser
import pytest
import yaml

FOLDER = Path(__file__).parents[2] / "rules"
FILES = sorted(FOLDER.glob("*.yml"))
TESTS = sorted((FOLDER / "tests").glob("*.yml"))

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


@dataclass(frozen=True)
class Rule:
    """One rule as its file has it; an alert's name and severity tell it from all others."""

    file: str
    expr: str
    record: str = ""
    alert: str = ""
    wait: str = ""
    keep: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.record or f"{self.alert}-{self.labels.get('severity')}"


def read(path: Path) -> Iterator[Rule]:
    for group in yaml.safe_load(path.read_text())["groups"]:
        for rule in group["rules"]:
            names = {"for": "wait", "keep_firing_for": "keep"}
            yield Rule(path.name, **{names.get(key, key): value for key, value in rule.items()})


RULES = [rule for path in FILES for rule in read(path)]
ALERTS = [rule for rule in RULES if rule.alert]
RECORDS = [rule for rule in RULES if rule.record]


def queries(rule: Rule) -> Iterator[str]:
    """Yield the rule's expression and those that its annotations look up, arguments filled in."""
    yield rule.expr
    for text in rule.annotations.values():
        for query in re.findall(r'printf "((?:[^"\\]|\\.)*)"[^}]*\| query', text):
            yield re.sub(r"%(\[\d\])?q", '"x"', query)


def selectors(expr: str) -> Iterator[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        elif isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expr), visit)
    yield from found


def metrics(expr: str) -> Iterator[str]:
    """Yield each metric that the expression reads; alternatives in `__name__` one by one."""
    for selector in selectors(expr):
        if selector.name:
            yield selector.name
        for matcher in selector.matchers.matchers:
            if matcher.name == "__name__":
                yield from matcher.value.split("|")
