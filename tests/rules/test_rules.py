"""The rule files: promtool's opinion, the conventions, and a test of every kind for each alert."""

import re
import subprocess
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.rules.reading import (
    ALERTS,
    FILES,
    FOLDER,
    RECORDS,
    RULES,
    TESTS,
    Rule,
    needs_promtool,
    queries,
    selectors,
)

DEMO = sorted((FOLDER.parent / "deploy/demo/rules").glob("*.yml"))
SEVERITIES = {"critical", "warning", "info", "none"}
TEXTS = {"summary", "description", "summary_zh", "description_zh"}
# It fires whatever happens, which is what it is for.
NEVER_SILENT = {"Watchdog"}
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=str)


@needs_promtool
@pytest.mark.parametrize(
    "command", [["check", "rules", *FILES, *DEMO], ["test", "rules", *TESTS]], ids=["check", "test"]
)
def test_promtool_accepts(command: list[str | Path]) -> None:
    done = subprocess.run(
        ["promtool", *command], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_file_has_its_unit_test_beside_it() -> None:
    assert [path.name for path in TESTS] == [f"{path.stem}_test.yml" for path in FILES]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_expression_parses(rule: Rule) -> None:
    for query in queries(rule):
        promql_parser.parse(query)


@each_alert
def test_an_alert_has_a_known_severity_and_nothing_else_as_its_label(alert: Rule) -> None:
    assert set(alert.labels) == {"severity"}
    assert alert.labels["severity"] in SEVERITIES


@each_alert
def test_an_alert_says_what_is_wrong_in_english_and_in_chinese(alert: Rule) -> None:
    assert set(alert.annotations) == TEXTS
    for name, text in alert.annotations.items():
        chinese = re.search(r"[\u4e00-\u9fff]", text) is not None
        assert chinese == name.endswith("_zh"), name


@each_alert
def test_a_summary_has_no_value_so_that_it_stays_the_same_while_the_alert_lasts(
    alert: Rule,
) -> None:
    assert "$value" not in alert.annotations["summary"] + alert.annotations["summary_zh"]


# Their value is always the same one and says nothing.
VALUELESS = {
    "ConfigReloadFailed",
    "HostFilesystemReadOnly",
    "HostUnreachable",
    "InfoInhibitor",
    "JobAbsent",
    "TocsinCollectorFailing",
    "TocsinDetectorSilent",
    "TocsinQueryFailing",
    "TocsinStoreDown",
    "Watchdog",
}


@each_alert
def test_a_description_has_the_value_in_both_languages(alert: Rule) -> None:
    texts = [alert.annotations["description"], alert.annotations["description_zh"]]
    named = ["$value" in text or "$signal.Value" in text for text in texts]
    assert named == [alert.alert not in VALUELESS] * 2


@each_alert
def test_an_alert_waits_or_its_file_says_why_not(alert: Rule) -> None:
    source = next(path for path in FILES if path.name == alert.file).read_text()
    blocks = [block for block in source.split("- alert: ") if block.startswith(alert.alert + "\n")]
    severity = f"severity: {alert.labels['severity']}"
    block = next(block for block in blocks if severity in block)
    assert alert.wait or "# No `for`: " in block


def test_a_name_and_a_severity_are_one_alert() -> None:
    assert len({str(rule) for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("record", RECORDS, ids=str)
def test_a_recording_rule_is_named_level_metric_operations(record: Rule) -> None:
    assert re.fullmatch(r"[a-z_]+:[a-zA-Z0-9_]+:[a-z0-9_]+", record.record)


@each_alert
def test_no_alert_averages_or_awaits_the_score(alert: Rule) -> None:
    """It drops right after an alarm, so that it would never be high for long."""
    read = {selector.name for selector in selectors(alert.expr)}
    assert "tocsin_anomaly_score" not in read or alert.alert == "TocsinDetectorSilent"


@cache
def unit_tests() -> list[dict[str, Any]]:
    return [test for path in TESTS for test in yaml.safe_load(path.read_text())["tests"]]


def cases() -> dict[tuple[str, str], set[bool]]:
    """Say for each alert which expectations its unit tests have: it fires, it does not."""
    found = defaultdict(set)
    for test in unit_tests():
        for check in test.get("alert_rule_test", ()):
            firing = {alert["exp_labels"]["severity"] for alert in check["exp_alerts"]}
            for severity in SEVERITIES:
                found[check["alertname"], severity].add(severity in firing)
    return found


@each_alert
def test_an_alert_is_tested_firing_and_silent(alert: Rule) -> None:
    expected = {True} if alert.alert in NEVER_SILENT else {True, False}
    assert cases()[alert.alert, alert.labels["severity"]] == expected


def test_the_unit_tests_name_only_alerts_that_there_are() -> None:
    assert {name for name, _ in cases()} == {alert.alert for alert in ALERTS}


@each_alert
def test_an_alert_is_tested_without_data(alert: Rule) -> None:
    names = [test["name"] for test in unit_tests() if test["name"].startswith(alert.alert)]
    always = {"JobAbsent", *NEVER_SILENT}  # for these, missing data is the alarm
    assert alert.alert in always or any("without data" in name for name in names)
