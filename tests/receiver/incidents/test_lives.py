"""Which groups a rule makes one incident: by what all that fires in each has alike."""

from typing import Any

from receiver.incidents.lives import Lives
from receiver.intake.webhook import parse
from receiver.store.records import Join
from tests.receiver.webhooks import alert, body

RULES = [
    {"by": ["team"], "match": ['severity="critical"'], "within": "5m"},
    {"by": ["instance"]},
]


def join(*alerts: dict[str, Any], rules: Any = RULES, **changes: Any) -> Join | None:
    told = parse(body(alerts, **changes))
    return Lives.model_validate({"join": rules}).terms(told, 4).join


def test_what_is_alike_by_the_first_rule_that_fits_is_joined_by_it() -> None:
    first = join(alert("a", team="web"))
    assert first is not None
    assert first.within.total_seconds() == 300
    assert join(alert("b", team="web")) == first
    assert join(alert("b", team="db")) != first
    by_host = join(alert("a", team="web", severity="warning"))
    assert by_host == join(alert("a"))
    assert by_host != first


def test_a_group_that_has_not_the_labels_alike_in_all_that_fires_joins_none() -> None:
    two = [alert("a"), alert("b")]
    assert join(*two) is None
    assert join(*two, rules=[{"by": ["alertname"]}]) is not None
    assert join(alert("a"), alert("b", "resolved")) == join(alert("a"))
    assert join(alert("a", instance="")) is None


def test_what_is_over_and_what_the_receiver_says_of_itself_join_none() -> None:
    assert join(alert("a", "resolved")) is None
    assert join(alert("a"), groupKey="tocsin:watchdog") is None
    assert join(alert("a"), rules=[]) is None


def test_values_are_not_mistaken_for_each_other() -> None:
    rules = [{"by": ["a", "b"]}]
    assert join(alert(a="x", b="yz"), rules=rules) != join(alert(a="xy", b="z"), rules=rules)
