from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from receiver.upstream.expression import Condition, conditions
from receiver.upstream.units import unit_of

RULES = Path(__file__).parents[3] / "rules"


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("up == 0", Condition("up", "==", 0)),
        ("a / (b > 0) > 0.8", Condition("a / (b > 0)", ">", 0.8)),
        ("10 < rate(x[5m])", Condition("rate(x[5m])", ">", 10)),
        ('x{a=~"b > 1",c!="}"} >= 2', Condition('x{a=~"b > 1",c!="}"}', ">=", 2)),
        ("x > 24 * 3600", Condition("x", ">", 86_400)),
        ("x < -1e3 / 4", Condition("x", "<", -250)),
        ("x > 1 / 0", Condition("x", ">")),
        ("(x) > (0.5)", Condition("(x)", ">", 0.5)),
        ("((x > 1))", Condition("x", ">", 1)),
        ("x > 1 and y > 2 unless z == 3", Condition("x", ">", 1)),
        ("(x > 1) AND on (a) (y)", Condition("x", ">", 1)),
        ("x > on (a) group_left y", Condition("x", ">")),
        ("x > bool 1", Condition("x > bool 1")),
        ("absent(up)", Condition("absent(up)")),
        ("x # > 3 (\n > 4", Condition("x", ">", 4)),
        ("`x > 1` == 2", Condition("`x > 1`", "==", 2)),
        ("x > 1 > 2", Condition("x", ">")),
    ],
)
def test_the_value_of_a_rule_is_told_from_its_limit(query: str, condition: Condition) -> None:
    assert conditions(query) == (condition,)


def test_of_alternatives_each_is_read() -> None:
    both = (Condition("x", ">", 1), Condition("y", "==", 0), Condition("z"))
    assert conditions("x > 1 or y == 0 or on (a) z") == both
    assert conditions("(x > 1 or y == 0) or z") == both


@pytest.mark.parametrize("query", ["x)", "(x", "x > 'a", "{x]"])
def test_what_is_not_understood_is_left_alone(query: str) -> None:
    assert conditions(query) == ()


@given(st.text(alphabet="ab ()[]{}<>=!\"'`#\\\n01.*/+-or", max_size=40))
def test_no_text_breaks_it(query: str) -> None:
    assert isinstance(conditions(query), tuple)


def test_each_of_our_own_rules_is_understood() -> None:
    queries = [
        rule["expr"]
        for path in RULES.glob("*.yml")
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert len(queries) > 40
    assert all(conditions(query) for query in queries)


@pytest.mark.parametrize(
    ("expression", "unit"),
    [
        ("instance:node_memory_utilisation:ratio", "ratio"),
        ("instance:node_cpu_waiting:ratio_rate5m", "ratio"),
        ('node_filesystem_avail_bytes{mountpoint="/"}', "bytes"),
        ("rate(node_network_receive_bytes_total[5m])", "bytes/s"),
        ("instance:node_network_receive_bytes:rate5m", "bytes/s"),
        ("histogram_quantile(0.9, sum by (le, seconds) (rate(x_seconds_bucket[5m])))", "seconds"),
        ("max without (bytes) (process_open_fds)", ""),
        ("rate(process_cpu_seconds_total[5m])", ""),
        ("count(x_bytes)", ""),
        ('x_bytes{a="1/2"} / on (host) group_left y_bytes', "ratio"),
        ("1 - (x_bytes / y_bytes)", "ratio"),
        ("100 * (x_bytes / y_bytes)", "percent"),
        ("(1 - avg by (a) (x_bytes) / y_bytes) * 100", "percent"),
        ("sum(rate(x_bytes_total[5m])) / sum(rate(y_bytes_total[5m]))", "ratio"),
        ("x_bytes - y_bytes", "bytes"),
        ("x_bytes / y_seconds", ""),
        ("x_bytes * y_bytes", ""),
        ("100 * x_bytes", ""),
        ("errors / requests", ""),
        ("time() - x_timestamp_seconds", "seconds"),
        ("time() - x_bytes", ""),
        ("-x_bytes", ""),
        ("((x_bytes)", ""),
        ("x_bytes and y_ratio", ""),
        ("vector(1)", ""),
        ("node_hwmon_temp_celsius", "celsius"),
        ("cpu_utilisation", "ratio"),
        ("network_receive_bytes_per_second", "bytes/s"),
        ("requests_per_second", ""),
    ],
)
def test_a_unit_is_told_where_the_names_make_it_clear(expression: str, unit: str) -> None:
    assert unit_of(expression) == unit
