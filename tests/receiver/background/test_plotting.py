from datetime import timedelta

from receiver.background.facts import Plot
from receiver.background.plotting import chart_of, query_of, span_of
from receiver.background.queries import Watched
from receiver.messages.render import Style
from receiver.model import RESOLVED_COLOR, Labels, Language
from receiver.upstream.expression import Condition
from receiver.upstream.prometheus import Series
from tests.fakes.alerts import START, make_alert

WATCHED = Watched(Condition("disk:ratio", ">", 0.9), "ratio", anomalies=False)
STYLE = Style("email", Language.EN, "UTC")
HOUR = timedelta(hours=1)


def series(**labels: str) -> Series:
    return Series({"__name__": "disk:ratio", **labels}, (0.0, 60.0), (0.9, 0.95))


def plot(*labels: Labels, over: timedelta | None = None, watched: Watched | None = WATCHED) -> Plot:
    alert = make_alert(alertname="Full", instance="db-1", resolved_after=over)
    return Plot(alert, watched, labels or ({"instance": "db-1"},))


def test_the_hour_before_is_shown_until_now() -> None:
    span = span_of(plot(), START + timedelta(minutes=5, seconds=7))
    assert START.timestamp() - 3_615 <= span.start <= START.timestamp() - 3_570
    assert span.end == START.timestamp() + 307
    assert 90 <= (span.end - span.start) / span.step <= 150


def test_of_what_is_long_over_the_time_until_then_is_shown() -> None:
    span = span_of(plot(over=HOUR), START + 5 * HOUR)
    assert span.until == (START + HOUR).timestamp()
    assert span.end - span.until == 900


def test_of_what_fires_for_days_the_last_day_is_shown() -> None:
    now = START + 100 * HOUR
    span = span_of(plot(), now)
    assert 86_000 <= span.end - span.start <= 86_400
    assert span.end == now.timestamp()


def test_series_are_called_by_what_tells_them_apart() -> None:
    several = [series(instance="db-1", mount="/a"), series(instance="db-1", mount="/b")]
    drawn = chart_of(plot(), several, span_of(plot(), START), STYLE)
    assert drawn is not None
    assert [line.label for line in drawn.lines] == ["mount=/a", "mount=/b"]
    assert (drawn.limit, drawn.unit, drawn.title) == (0.9, "ratio", "Full · db-1")


def test_what_is_over_is_green() -> None:
    over = plot(over=HOUR)
    drawn = chart_of(over, [series()], span_of(over, START + HOUR), STYLE)
    assert drawn is not None
    assert drawn.color == RESOLVED_COLOR


def test_a_signal_is_drawn_with_its_band_and_under_its_own_name() -> None:
    labels = {"signal": "disk_utilisation", "instance": "db-1:9847"}
    told = plot(labels, watched=None)
    every = [
        Series({"__name__": name, **labels}, (0.0,), (1.0,))
        for name in ("tocsin_signal_value", "tocsin_expected_lower", "tocsin_expected_upper")
    ]
    drawn = chart_of(told, every, span_of(told, START), STYLE)
    assert drawn is not None
    assert (len(drawn.lines), drawn.title) == (1, "disk_utilisation · db-1")
    assert drawn.lower
    assert drawn.upper
    assert 'signal="disk_utilisation"' in query_of(told)


def test_nothing_to_see_is_no_picture() -> None:
    assert chart_of(plot(), [Series({}, (), ())], span_of(plot(), START), STYLE) is None
