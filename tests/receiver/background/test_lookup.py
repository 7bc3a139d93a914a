import asyncio
from collections.abc import AsyncIterator
from time import monotonic

import pytest
from aiohttp import ClientSession

from receiver import metrics
from receiver.background.lookup import Lookup
from receiver.background.queries import signal_query, unusual_query
from receiver.metrics import Metrics
from receiver.model import UNKNOWN, Notification, Reading, Unusual
from receiver.upstream.prometheus import Prometheus
from tests.fakes.alerts import START, make_alert, make_notification
from tests.fakes.prometheus import FakePrometheus

FULL = make_alert(alertname="Full", instance="db-1:9100", mountpoint="/data")
TOLD = make_notification([FULL])


@pytest.fixture
async def prometheus() -> AsyncIterator[FakePrometheus]:
    async with FakePrometheus() as fake:
        fake.alerts("Full", "disk:ratio > 0.9")
        fake.says("disk:ratio", ({"instance": "db-1:9100", "mountpoint": "/data"}, 0.93))
        fake.says(
            unusual_query({"instance": "db-1:9100"}),
            ({"signal": "disk_utilisation"}, 1.2),
            ({"signal": "cpu_waiting"}, 3.4),
        )
        yield fake


@pytest.fixture
def numbers() -> Metrics:
    return metrics.create("0", [])


@pytest.fixture
async def lookup(prometheus: FakePrometheus, numbers: Metrics) -> AsyncIterator[Lookup]:
    told = Prometheus(url=prometheus.base)
    async with ClientSession() as http:
        made = Lookup(lambda: told, http, numbers, lambda: START)
        yield made
        await made.close()


def counted(numbers: Metrics, part: str, outcome: str) -> float | None:
    labels = {"part": part, "outcome": outcome}
    return numbers.registry.get_sample_value("tocsin_background_total", labels)


def paths(prometheus: FakePrometheus) -> list[str]:
    return [request.path for request in prometheus.seen]


async def test_value_unit_and_what_else_is_unusual_are_found(
    lookup: Lookup, numbers: Metrics
) -> None:
    known = await lookup.look(TOLD, 2.0, None)
    assert known.readings == {FULL.fingerprint: Reading(0.93, "ratio")}
    assert known.unusual == (Unusual("cpu_waiting", 3.4), Unusual("disk_utilisation", 1.2))
    assert counted(numbers, "facts", "found") == 1


async def test_a_signals_alert_has_its_value_its_band_and_its_deviation(
    lookup: Lookup, prometheus: FakePrometheus
) -> None:
    alert = make_alert(alertname="Noisy", signal="disk_utilisation", instance="db-1:9847")
    labels = {"signal": "disk_utilisation", "instance": "db-1:9847", "device": "sda"}
    numbers = {"signal_value": 0.9, "expected_lower": 0.1, "expected_upper": 0.3}
    prometheus.says(
        signal_query(alert.labels),
        *(({"__name__": f"tocsin_{name}", **labels}, value) for name, value in numbers.items()),
        ({"__name__": "tocsin_anomaly_deviation", **labels}, 2.5),
    )
    prometheus.says(
        unusual_query(alert.labels),
        ({"signal": "disk_utilisation"}, 2.5),
        ({"signal": "load"}, 1.0),
    )
    known = await lookup.look(make_notification([alert]), 2.0, None)
    assert known.readings[alert.fingerprint] == Reading(0.9, "ratio", 0.1, 0.3, 2.5)
    assert known.unusual == (Unusual("load", 1.0),)


async def test_several_channels_ask_prometheus_once(
    lookup: Lookup, prometheus: FakePrometheus
) -> None:
    first, second = await asyncio.gather(*(lookup.look(TOLD, 2.0, None) for _ in range(2)))
    assert first == second != UNKNOWN
    assert len(prometheus.seen) == 3
    other: Notification = make_notification([make_alert(alertname="Full", instance="db-2")])
    await lookup.look(other, 2.0, None)
    assert paths(prometheus).count("/api/v1/rules") == 1


async def test_nobody_waits_longer_than_asked_and_later_ones_get_what_came_late(
    lookup: Lookup, prometheus: FakePrometheus, numbers: Metrics
) -> None:
    prometheus.slow = 0.4
    began = monotonic()
    assert await lookup.look(TOLD, 0.05, None) == UNKNOWN
    assert monotonic() - began < 0.4
    assert counted(numbers, "facts", "late") == 1
    assert (await lookup.look(TOLD, 2.0, None)).unusual
    assert (await lookup.look(TOLD, 0.0, None)).unusual


@pytest.mark.parametrize(("ugly", "reason"), [(503, "refused"), ("html", "unexpected")])
async def test_one_question_that_fails_leaves_the_others_and_is_counted(
    lookup: Lookup, prometheus: FakePrometheus, numbers: Metrics, ugly: str | int, reason: str
) -> None:
    prometheus.broken["/api/v1/rules"] = ugly  # type: ignore[assignment]
    known = await lookup.look(TOLD, 2.0, None)
    assert not known.readings
    assert known.unusual
    assert counted(numbers, "rules", reason) == 1


async def test_a_value_that_the_rule_names_is_no_news(
    lookup: Lookup, prometheus: FakePrometheus
) -> None:
    prometheus.rules.clear()
    prometheus.alerts("Full", "disk:ratio == 0.93")
    known = await lookup.look(TOLD, 2.0, None)
    assert known.readings == {}
    assert known.unusual


async def test_where_nobody_can_wait_nobody_is_asked(
    lookup: Lookup, prometheus: FakePrometheus
) -> None:
    assert await lookup.look(TOLD, 0.0, None) == UNKNOWN
    assert not prometheus.seen


async def test_old_rules_are_used_while_new_ones_are_asked_for(
    lookup: Lookup, prometheus: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await lookup.look(TOLD, 2.0, None)).readings
    monkeypatch.setattr("receiver.background.lookup._FRESH", 0.0)
    prometheus.broken["/api/v1/rules"] = "hangs"
    assert (await lookup.look(TOLD, 2.0, None)).readings
    assert paths(prometheus).count("/api/v1/rules") == 2


async def test_a_dead_prometheus_costs_a_message_nothing_but_its_facts(
    numbers: Metrics,
) -> None:
    told = Prometheus(url="http://127.0.0.1:1")
    async with ClientSession() as http:
        known = await Lookup(lambda: told, http, numbers, lambda: START).look(TOLD, 2.0, None)
    assert known == UNKNOWN
    assert counted(numbers, "facts", "nothing") == 1
    assert counted(numbers, "rules", "unreachable") == 1


async def test_without_a_prometheus_nobody_is_asked(numbers: Metrics) -> None:
    async with ClientSession() as http:
        lookup = Lookup(lambda: None, http, numbers, lambda: START)
        assert await lookup.look(TOLD, 2.0, None) == UNKNOWN
