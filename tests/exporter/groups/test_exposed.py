import json
from collections.abc import Iterable

import numpy as np

from exporter.exposition import render
from exporter.groups.exposed import columns, detail
from exporter.groups.groups import Groups, Terms
from exporter.groups.roster import GroupRule
from exporter.model import SeriesKey

KEYS = tuple(SeriesKey("latency", (("group", "x"), ("n", str(i)))) for i in range(6))


def page(groups: Groups) -> dict[str, float]:
    text = b"".join(render([], columns(groups.states()))).decode()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def learned(ticks: int) -> Groups:
    groups = Groups((GroupRule(name="shop"),))
    rng = np.random.default_rng(3)
    for tick in range(ticks):
        values = 2 * rng.standard_normal() + rng.standard_normal(len(KEYS))
        groups.update(KEYS, values, tick * 15.0, Terms())
    return groups


def names(page: Iterable[str]) -> set[str]:
    return {name.partition("{")[0] for name in page}


def test_a_group_without_a_score_exposes_nothing() -> None:
    assert page(learned(100)) == {}


def test_contributions_appear_with_what_is_unusual_and_keep_the_signals_own_labels() -> None:
    groups = learned(700)
    quiet = page(groups)
    assert quiet['tocsin_multivariate_anomaly_score{group="shop"}'] < 0.5
    assert quiet['tocsin_multivariate_anomalies_total{group="shop"}'] == 0
    assert quiet['tocsin_multivariate_anomaly_active{group="shop"}'] == 0
    assert "tocsin_correlation_change_score" in names(quiet)
    assert "tocsin_anomaly_contribution" not in names(quiet)
    groups.update(KEYS, np.array([0, 0, 8.0, -8.0, 0, 0]), 700 * 15.0, Terms())
    loud = page(groups)
    assert loud['tocsin_multivariate_anomaly_active{group="shop"}'] == 1
    series = '{signal="latency",group="shop",n="2",exported_group="x"}'
    assert loud[f"tocsin_anomaly_contribution{series}"] > 0.2


def test_the_detail_names_members_and_the_pair_and_is_json_before_any_score() -> None:
    for ticks in (1, 700):
        groups = learned(ticks)
        told = json.loads(json.dumps([detail(one) for one in groups.states()], allow_nan=False))[0]
        assert [one["labels"]["n"] for one in told["members"]] == list("012345")
        assert (told["score"] is None) == (ticks == 1)
    assert told["correlation_change"]["usual"] > 0.6
    assert len(told["correlation_change"]["pair"]) == 2


def test_the_reason_of_the_latest_alarm_is_told_until_the_next_one_and_over_a_restart() -> None:
    groups = learned(700)
    assert [detail(one)["latest_alarm"] for one in groups.states()] == [None]
    odd, still = np.array([0, 0, 8.0, -8.0, 0, 0]), np.zeros(len(KEYS))
    for tick in range(100):
        groups.update(KEYS, still if tick else odd, (700 + tick) * 15.0, Terms())
    (told,) = (detail(one) for one in groups.states())
    assert (told["alarms"], told["active"], told["contributions"]) == (1, False, [])
    alarm = told["latest_alarm"]
    assert (alarm["time"], alarm["score"] >= 1) == (700 * 15.0, True)
    assert {one["labels"]["n"] for one in alarm["contributions"][:2]} == {"2", "3"}
    assert len(alarm["correlation_change"]["pair"]) == 2
    arrays, meta = groups.export()
    later = Groups((GroupRule(name="shop"),))
    later.restore(arrays, json.loads(json.dumps(meta)), 12_000.0)
    for keys in (KEYS, KEYS[:3]):
        later.update(keys, still[: len(keys)], 12_000.0, Terms())
        (told,) = (detail(one) for one in later.states())
        assert told["latest_alarm"] == alarm
