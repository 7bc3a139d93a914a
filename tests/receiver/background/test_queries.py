from receiver.background.queries import (
    leading,
    only,
    point_of,
    signal_of,
    signal_query,
    unusual_query,
    watched_by,
)
from receiver.upstream.expression import Condition
from receiver.upstream.prometheus import Point, Rule
from tests.fakes.alerts import make_alert

RULES = {
    "Full": (
        Rule("disk:ratio > 0.9", {"severity": "critical"}),
        Rule("disk:ratio > 0.8", {"severity": "warning", "team": "{{ $labels.team }}"}),
    )
}


def test_of_rules_of_one_name_that_with_the_alerts_labels_made_it() -> None:
    alert = make_alert(alertname="Full", severity="warning")
    (watched,) = watched_by(RULES, alert)
    assert watched.condition == Condition("disk:ratio", ">", 0.8)
    assert watched.unit == "ratio"
    assert watched_by(RULES, make_alert(alertname="Other")) == ()


def test_a_point_is_an_alerts_where_the_alert_has_all_its_labels() -> None:
    alert = make_alert(instance="db-1", mountpoint="/data", cluster="eu")
    data = Point({"__name__": "disk", "instance": "db-1", "mountpoint": "/data"}, 0.93)
    others = [Point({"instance": "db-1"}, 1.0), Point({**data.labels, "mountpoint": "/"}, 0.5)]
    assert point_of(alert, [*others, data]) == data
    assert point_of(alert, others[1:]) is None


def test_a_label_of_an_alert_can_be_nothing_but_a_quoted_value() -> None:
    nasty = 'a"} or vector(1) #\\'
    asked = only("up", [{"job": nasty}])
    assert asked == (
        '(up) and on (job) (label_replace(vector(1), "job", "a\\"} or vector(1) #\\\\", "", ""))'
    )
    assert '\\"} or' in signal_query({"signal": nasty})
    assert '\\"' in unusual_query({"instance": nasty})


def test_the_exporter_is_found_on_the_host_at_any_port() -> None:
    assert 'instance=~"web-1(:[0-9]+)?"' in unusual_query({"instance": "web-1:9100"}).replace(
        "\\\\", ""
    )
    assert unusual_query({"job": "batch"}) == ""


def test_of_several_series_of_a_signal_the_most_deviant_is_meant() -> None:
    def points(device: str, deviation: float) -> list[Point]:
        labels = {"signal": "disk_utilisation", "device": device, "instance": "db-1:9847"}
        return [
            Point({"__name__": "tocsin_anomaly_deviation", **labels}, deviation),
            Point({"__name__": "tocsin_expected_lower", **labels}, 1.0),
            Point({"__name__": "tocsin_expected_upper", **labels}, 2.0),
        ]

    every = [*points("sda", 0.3), *points("sdb", 2.5)]
    found = signal_of({"signal": "disk_utilisation", "instance": "db-1:9100"}, every)
    assert found is not None
    assert (found.labels["device"], found.deviation, found.band) == ("sdb", 2.5, (1.0, 2.0))
    other = signal_of({"signal": "disk_utilisation", "device": "sda"}, every)
    assert other is not None
    assert other.deviation == 0.3


def test_what_fires_stands_for_all() -> None:
    over, fires = make_alert(resolved_after=None), make_alert(instance="b")
    assert leading([over, fires]) == over
    assert leading([]) is None
