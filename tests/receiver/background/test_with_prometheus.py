"""A real Prometheus understands what it is asked, whatever stands in labels."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientSession

from receiver.background.facts import Source, find
from receiver.background.lookup import Easel, Lookup
from receiver.background.queries import band_query, only
from receiver.messages.render import Style
from receiver.metrics import Metrics
from receiver.model import Language, Reading, Unusual
from receiver.pictures.studio import Studio
from receiver.upstream.prometheus import Prometheus, ask_now, ask_rules
from tests.fakes.alerts import make_alert, make_notification
from tests.receiver.background.conftest import MOUNT


def now() -> datetime:
    return datetime.now(UTC)


async def test_value_and_what_else_is_unusual_come_from_prometheus_own_rule(
    prometheus: Prometheus, http: ClientSession, numbers: Metrics
) -> None:
    alert = make_alert(alertname="Full", instance="db-1:9100", mountpoint=MOUNT)
    lookup = Lookup(lambda: prometheus, http, numbers, now)
    known = await lookup.look(make_notification([alert]), 2.0, None)
    assert known.readings == {alert.fingerprint: Reading(0.93, "ratio")}
    assert known.unusual == (Unusual("disk_utilisation", 2.5),)


async def test_the_alert_of_a_signal_has_its_band(
    prometheus: Prometheus, http: ClientSession, numbers: Metrics
) -> None:
    alert = make_alert(alertname="Noisy", instance="db-1:9847", signal="disk_utilisation")
    lookup = Lookup(lambda: prometheus, http, numbers, now)
    known = await lookup.look(make_notification([alert]), 2.0, None)
    assert known.readings == {alert.fingerprint: Reading(0.9, "ratio", 0.1, 0.3, 2.5)}
    assert known.unusual == ()


async def test_an_expression_can_be_cut_to_the_series_that_are_meant(
    prometheus: Prometheus, http: ClientSession
) -> None:
    wanted = {"instance": "db-1:9100", "mountpoint": MOUNT}
    (point,) = await ask_now(http, prometheus, only("disk:ratio", [wanted]), now())
    assert point.labels["mountpoint"] == MOUNT
    both = only("disk:ratio", [wanted, {"instance": "db-2:9100"}])
    assert len(await ask_now(http, prometheus, both, now())) == 2
    band = band_query({"signal": "disk_utilisation", "device": "sda", "instance": "db-1:9847"})
    assert len(await ask_now(http, prometheus, band, now())) == 3


@pytest.fixture
async def pictured(
    prometheus: Prometheus,
    http: ClientSession,
    numbers: Metrics,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Lookup]:
    monkeypatch.setattr("receiver.pictures.studio._DRAW", 30.0)
    patient = prometheus.model_copy(update={"timeout": 30.0})
    lookup = Lookup(lambda: patient, http, numbers, now, Easel(Studio(tmp_path)))
    await lookup.warm()
    yield lookup
    await lookup.close()


async def test_a_rule_and_an_anomaly_are_drawn(
    pictured: Lookup, http: ClientSession, prometheus: Prometheus
) -> None:
    style = Style("email", Language.ZH, "Asia/Shanghai")
    full = make_alert(alertname="Full", instance="db-1:9100", mountpoint=MOUNT)
    odd = make_alert(alertname="HostAnomalous", instance="db-1:9847")
    for alert in (full, odd):
        known = await pictured.look(make_notification([alert]), 30.0, style)
        assert known.picture is not None
        assert known.picture.startswith(b"\x89PNG")
        assert known.unusual == ((Unusual("disk_utilisation", 2.5),) if alert is full else ())
    rules = await ask_rules(http, prometheus)
    facts = await find(
        make_notification([odd]), rules, Source(http, prometheus, now(), lambda _: None)
    )
    assert facts.plot is not None
    assert facts.plot.series[0]["signal"] == "disk_utilisation"
