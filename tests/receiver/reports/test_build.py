"""What a report says of a week that is known to the minute."""

from collections.abc import Sequence

import pytest

from receiver.reports.build import build
from receiver.reports.facts import Facts, Missing, Noise, Open, Performance, Ranked, Trace, Watched
from tests.receiver.reports.kit import BEGIN, PERIOD, clipped, facts, past, trace

HOUR = 3600.0
DISK = 68 * HOUR
"""How long the last one is open at the end of the week."""


def test_incidents_are_counted_by_severity_and_against_the_period_before() -> None:
    report = build(facts())
    assert (report.opened, report.opened_before) == (6, 2)
    assert [*report.severities.items()] == [("critical", 3), ("warning", 3)]
    assert report.severities_before == {"critical": 1, "warning": 1}


def test_times_to_acknowledge_and_to_resolve_are_means_of_what_opened() -> None:
    report = build(facts())
    assert report.acknowledged == 2 / 6
    assert report.mtta == 30 * 60
    assert report.mttr == (60 + 60 + 3 + 2 + 4) * 60 / 5


def test_what_happened_after_the_end_is_not_counted() -> None:
    late = past(1, "Late", 167.5, 60, taken=45)
    report = build(facts([late]))
    assert (report.acknowledged, report.mtta, report.mttr) == (0.0, None, None)
    assert report.longest == [Open(1, "Late", "warning", 1800.0)]


def test_time_with_something_critical_open_is_counted_once_however_much_is() -> None:
    report = build(facts())
    assert report.critical == 1 * HOUR + 1.5 * HOUR + DISK
    assert report.availability == 1 - (2.5 * HOUR + DISK) / (7 * 24 * HOUR)


def test_rules_are_ranked_by_count_by_open_time_and_by_what_is_between_openings() -> None:
    report = build(facts())
    assert report.by_count[:2] == [Ranked("Link", 3, 3), Ranked("Api", 2, 2)]
    assert report.by_time[:3] == [
        Ranked("Old", 7 * 24 * HOUR, 2),
        Ranked("Disk", DISK, 1),
        Ranked("Api", 1.5 * HOUR, 2),
    ]
    between = [(one.title, round(one.value), one.count) for one in report.mtbf]
    assert between == [("Link", 1080, 3), ("Api", 1800, 2)]


def test_while_it_was_over_before_it_was_opened_again_an_incident_was_not_open() -> None:
    """Two minutes each time, with eight between, three times; taken in the second."""
    rests = [(2, 10), (12, 20)]
    report = build(facts([past(1, "Link", 5, 22, "critical", taken=11, rests=rests)]))
    assert (report.opened, report.mttr, report.mtta) == (1, 6 * 60, 3 * 60)
    assert report.critical == 6 * 60
    assert report.by_time == [Ranked("Link", 6 * 60.0, 1)]
    assert report.noisiest == [Noise("Link", 1, 0, flaps=True)]


def test_what_was_over_at_the_end_and_opened_again_later_was_not_open_then() -> None:
    rests = [(20, 40)]
    report = build(facts([past(1, "Link", 7 * 24 - 0.5, None, rests=rests)]))
    assert (report.open, report.longest) == (0, [])


def test_what_is_over_at_once_or_comes_again_and_again_is_noise() -> None:
    assert build(facts()).noisiest == [Noise("Link", 3, 3, flaps=True)]
    calm = [past(n, "Link", 10 * n, 4) for n in (1, 2, 3)]
    assert build(facts(calm)).noisiest == [Noise("Link", 3, 3, flaps=False)]
    assert build(facts([past(1, "Slow", 1, 5)])).noisiest == []


def test_what_stays_open_longest_comes_first() -> None:
    report = build(facts())
    assert [(one.id, one.seconds) for one in report.longest] == [(1, 368 * HOUR), (6, DISK)]
    assert report.open == 2
    assert not report.quiet


def test_a_quiet_week_is_fully_available() -> None:
    report = build(facts([]))
    assert report.quiet
    assert (report.opened, report.acknowledged, report.mttr, report.availability) == (
        0,
        None,
        None,
        1,
    )


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        (facts(oldest=None), ["before", "prometheus"]),
        (facts(oldest=BEGIN), ["before", "prometheus"]),
        (clipped(facts()), ["clipped", "before", "prometheus"]),
        (facts(watched=()), []),
    ],
)
def test_what_is_not_known_is_said_and_not_compared(known: Facts, missing: Sequence[str]) -> None:
    report = build(known)
    assert [each.what for each in report.missing] == missing
    assert (report.opened_before is None) == ("before" in missing)


def performance(*traces: Trace, full: float | None = None) -> Sequence[Performance]:
    return build(facts(watched=(Watched("memory", "ratio", full, traces),))).performance


def test_a_signal_is_measured_over_the_period_and_against_the_one_before() -> None:
    (one,) = performance(trace(0.5, 0.56, instance="web-1"))
    assert (one.signal, one.labels, one.unit) == ("memory", {"instance": "web-1"}, "ratio")
    assert (one.mean, one.most, one.p95) == pytest.approx((0.56, 0.56, 0.56))
    assert one.change == pytest.approx(0.12)
    assert one.notable
    assert one.slope == 0.0


def test_p95_is_the_value_that_nineteen_of_twenty_are_not_above() -> None:
    begin = PERIOD.begin.timestamp()
    times = tuple(begin + 3600 * n for n in range(100))
    (one,) = performance(Trace({}, times, tuple(map(float, range(1, 101)))))
    assert (one.mean, one.most, one.p95) == (50.5, 100.0, 95.0)
    assert one.slope == pytest.approx(24.0)
    assert (one.change, one.notable) == (None, False)


def test_a_change_that_is_less_than_how_the_values_differ_is_no_finding() -> None:
    times = tuple(PERIOD.before.timestamp() + 3600 * n for n in range(337))
    values = tuple((0.1 if n % 2 else 0.9) + (0.06 if n >= 168 else 0.0) for n in range(337))
    (one,) = performance(Trace({}, times, values))
    assert one.change == pytest.approx(0.12, abs=0.02)
    assert not one.notable


def test_what_grows_surely_says_when_it_is_full() -> None:
    (one,) = performance(trace(0.5, 0.5, grows=0.02), full=1.0)
    assert one.full == pytest.approx((1.0 - 0.64) / 0.02)
    assert one.slope == pytest.approx(0.02)


@pytest.mark.parametrize("grows", [0.0, -0.02, 0.0001])
def test_what_does_not_grow_or_hardly_does_says_nothing_of_being_full(grows: float) -> None:
    (one,) = performance(trace(0.5, 0.5, grows=grows), full=1.0)
    assert one.full is None


def test_of_many_series_the_most_telling_are_kept_and_the_rest_counted() -> None:
    many = [trace(0.1, 0.1, instance=f"calm-{n}") for n in range(12)]
    report = build(
        facts(watched=(Watched("m", "", None, [*many, trace(0.01, 0.05, instance="x")]),))
    )
    assert len(report.performance) == 10
    assert report.performance[0].labels == {"instance": "x"}
    assert report.more == 3


def test_a_signal_that_prometheus_does_not_have_is_missing() -> None:
    watched = (Watched("a", "", failure="timeout"), Watched("b", ""))
    assert build(facts(watched=watched)).missing == [Missing("a", "timeout"), Missing("b", "")]
