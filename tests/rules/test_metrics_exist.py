"""Every metric in rules/ and grafana/ is exposed: by ours, or by a page that is checked in here."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from prometheus_client.exposition import generate_latest

import exporter
from exporter.collectors.process import PROCESS
from exporter.model import Metric
from receiver import metrics as receiver_metrics
from tests.grafana.reading import DASHBOARDS, expressions
from tests.rules.reading import RECORDS, RULES, Rule, metrics, queries

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "fixtures/expositions"
# The exporter's host metrics on the fixture host; a test of the collectors keeps it current.
HOST_PAGE = ROOT / "exporter/golden/host.prom"
FROM_PROMETHEUS = {"ALERTS", "ALERTS_FOR_STATE", "up"}


def names(page: str) -> set[str]:
    return set(re.findall(r"^[a-zA-Z_:][\w:]*", page, re.MULTILINE))


@cache
def page(name: str) -> set[str]:
    return names((PAGES / name).read_text())


@cache
def ours() -> set[str]:
    """Return the names on our two pages: those that the code holds, and the golden page."""
    own = {metric.name for metric in exporter_metrics()}
    return own | set(PROCESS) | names(HOST_PAGE.read_text()) | names(receiver_page())


def exporter_metrics() -> Iterator[Metric]:
    for module in pkgutil.walk_packages(exporter.__path__, "exporter."):
        if not module.name.endswith("__main__"):
            found = vars(importlib.import_module(module.name)).values()
            yield from (value for value in found if isinstance(value, Metric))


def receiver_page() -> str:
    made = receiver_metrics.create("0", ["ops"])
    made.show(receiver_metrics.Backlog(up=True, owed={"ops": 1}, oldest={"ops": 1.0}))
    made.failed("ops", "timeout", "no answer")
    made.template_failures.labels("slack.en").inc()
    return generate_latest(made.registry).decode()


@cache
def known() -> set[str]:
    pages = {name for path in PAGES.glob("*.txt") for name in page(path.name)}
    return pages | ours() | FROM_PROMETHEUS | {rule.record for rule in RECORDS}


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_metric_of_a_rule_is_exposed(rule: Rule) -> None:
    wanted = {name for query in queries(rule) for name in metrics(query)}
    assert wanted <= known()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda d: str(d["uid"]))
def test_every_metric_of_a_dashboard_is_exposed(dashboard: dict[str, object]) -> None:
    for title, expr in expressions(dashboard):
        assert set(metrics(expr)) <= known(), title


@pytest.mark.parametrize("rule", [r for r in RULES if "node_" in r.expr], ids=str)
def test_host_rules_work_with_our_exporter_and_with_node_exporter(rule: Rule) -> None:
    wanted = set(metrics(rule.expr))
    host = {name for name in wanted if name.startswith("node_")}
    assert host <= ours()
    assert host <= page("node_exporter-1.5.0.txt")


def test_dashboards_need_no_rules() -> None:
    for dashboard in DASHBOARDS:
        for title, expr in expressions(dashboard):
            assert not any(":" in name for name in metrics(expr)), title
