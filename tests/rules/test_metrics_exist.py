"""Every metric in rules/ and grafana/ is exposed: by ours, or by a page that is checked in here."""

from typing import Any

import pytest

from tests.exposed import by_exporter, by_receiver
from tests.grafana.reading import DASHBOARDS, expressions
from tests.rules.pages import exposed
from tests.rules.reading import RECORDS, RULES, Rule, metrics, queries

OURS = by_exporter() | by_receiver()
RECORDED = {rule.record for rule in RECORDS}
FROM_PROMETHEUS = {"ALERTS", "up"}
KNOWN = OURS | exposed() | RECORDED | FROM_PROMETHEUS


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_metric_of_a_rule_is_exposed(rule: Rule) -> None:
    assert {name for query in queries(rule) for name in metrics(query)} <= KNOWN


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: str(d["uid"]))
def test_every_metric_of_a_dashboard_is_exposed(dashboard: dict[str, Any]) -> None:
    for title, expr in expressions(dashboard):
        assert set(metrics(expr)) <= KNOWN, title


@pytest.mark.parametrize("rule", [rule for rule in RULES if "node_" in rule.expr], ids=str)
def test_host_rules_work_with_our_exporter_and_with_node_exporter(rule: Rule) -> None:
    host = {name for name in metrics(rule.expr) if name.startswith("node_")}
    assert host <= OURS
    assert host <= exposed("node_exporter-1.5.0")


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: str(d["uid"]))
def test_a_dashboard_needs_no_recording_rules(dashboard: dict[str, Any]) -> None:
    for title, expr in expressions(dashboard):
        assert not set(metrics(expr)) & RECORDED, title
