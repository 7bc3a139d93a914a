"""Reports ask a real Prometheus, which understands every signal that is looked at by default."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession

from receiver.reports.facts import Missing
from receiver.reports.reporting import Reporting
from receiver.reports.settings import SIGNALS, Reports, Signal
from receiver.store.store import Store
from receiver.upstream.prometheus import Prometheus

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
DAY = 86_400
_SINCE = f"(time() - {NOW.timestamp():.0f}) / {DAY}"


async def test_signals_are_measured_and_what_is_not_there_or_not_understood_is_said(
    store: Store, prometheus: Prometheus, http: ClientSession
) -> None:
    grows = Signal(name="disk", promql=f"vector(0.8 + 0.02 * {_SINCE})", unit="ratio", full=1)
    wrong = Signal(name="wrong", promql="sum(")
    settings = Reports(signals=(*SIGNALS, grows, wrong))
    reporting = Reporting(store, settings, ZoneInfo("UTC"), http, prometheus)
    report = await reporting.report("weekly", NOW)
    (disk,) = report.performance
    assert (disk.signal, disk.most) == ("disk", 0.8)
    assert disk.slope == pytest.approx(0.02)
    assert disk.mean == pytest.approx(0.73, abs=0.001)
    assert disk.change == pytest.approx(0.73 / 0.59 - 1, abs=0.01)
    assert disk.notable
    assert disk.full == pytest.approx(10, abs=0.01)
    missing = [Missing("before"), *(Missing(each.name) for each in SIGNALS)]
    assert report.missing == [*missing, Missing("wrong", "refused")]
