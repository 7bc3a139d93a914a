"""Every comparison, `for` and `keep_firing_for` matters: break one, and a unit test fails."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.rules.reading import ALERTS, FOLDER, RECORDS, Rule, needs_promtool

pytestmark = [pytest.mark.long, needs_promtool]

FLIPPED = {
    "==": "!=",
    ">=": "<",
    ">": "<",
    "<": ">",
    "unless": "and",
    "and": "unless",
}
# Matchers have operators of their own, and are left alone.
OPERATOR = re.compile(r"\{[^{}]*\}|(==|>=|>|<|\bunless\b|\band\b)")


def mutants(rule: Rule) -> Iterator[Rule]:
    """Yield the rule with each single break."""
    for match in OPERATOR.finditer(rule.expr):
        if operator := match[1]:
            before, after = rule.expr[: match.start(1)], rule.expr[match.end(1) :]
            yield replace(rule, expr=before + FLIPPED[operator] + after)
    if rule.wait:
        yield replace(rule, wait="")
    if rule.keep:
        yield replace(rule, keep="")


@pytest.mark.parametrize(
    "rule", [rule for rule in [*ALERTS, *RECORDS] if list(mutants(rule))], ids=str
)
def test_the_unit_tests_notice_every_single_break(rule: Rule, tmp_path: Path) -> None:
    write_tests(rule, tmp_path)
    assert passes(rule, rule, tmp_path), "unbroken, it must pass"
    unnoticed = [mutant for mutant in mutants(rule) if passes(rule, mutant, tmp_path)]
    assert unnoticed == []


def write_tests(rule: Rule, folder: Path) -> None:
    """Write the unit tests of the one alert, or those of the recording rules."""
    source = FOLDER / f"tests/{Path(rule.file).stem}_test.yml"
    suite = yaml.safe_load(source.read_text())
    if rule.alert:
        suite["tests"] = [test for test in suite["tests"] if test["name"].startswith(rule.alert)]
    suite["rule_files"] = ["rules.yml"]
    suite["group_eval_order"] = ["records", "alerts"]
    (folder / "test.yml").write_text(json.dumps(suite))


def passes(rule: Rule, mutant: Rule, folder: Path) -> bool:
    """Say whether promtool finds nothing when the mutant stands in the rule's place."""
    # Two alerts of one name are two rungs of one ladder, and are expected together.
    rungs = [alert for alert in ALERTS if alert.alert == rule.alert]
    groups = {"records": RECORDS, "alerts": rungs}
    document = {
        "groups": [
            {"name": name, "rules": [plain(mutant if one == rule else one) for one in rules]}
            for name, rules in groups.items()
        ]
    }
    (folder / "rules.yml").write_text(json.dumps(document))
    command = ["promtool", "test", "rules", str(folder / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "SUCCESS" in done.stdout or "got" in done.stderr + done.stdout, done.stderr
    return done.returncode == 0


def plain(rule: Rule) -> dict[str, Any]:
    """Return the rule in the words of a rule file."""
    words = {
        "record": rule.record,
        "alert": rule.alert,
        "expr": rule.expr,
        "for": rule.wait,
        "keep_firing_for": rule.keep,
        "labels": rule.labels,
        "annotations": rule.annotations,
    }
    return {word: value for word, value in words.items() if value}
