"""What a picture of an alert shows: which time, which series, and how they are called (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from receiver.background.facts import Plot
from receiver.background.queries import band_of, band_query, only
from receiver.messages.filters import plain
from receiver.messages.render import Style
from receiver.messages.view import host_of
from receiver.model import RESOLVED_COLOR, Labels, Status
from receiver.pictures.chart import Chart, Line
from receiver.severity import severity_of
from receiver.upstream.prometheus import Series

_POINTS = 120
_FINEST = 15
_BEFORE, _AFTER = 3_600.0, 900.0
"""Seconds that are shown before an alert fired, and after it was over."""
_LONGEST = 86_400.0
_MOST = 6
_TELLING = 2


@dataclass(frozen=True, slots=True)
class Span:
    """What time is shown, in seconds: `since` and `until` the alert fired."""

    start: float
    end: float
    step: float
    since: float
    until: float


def span_of(plot: Plot, now: datetime) -> Span:
    """Show the alert and the hour before it, of a long one its last day."""
    alert = plot.alert
    over = alert.ends_at if alert.status is Status.RESOLVED else None
    since, until = alert.starts_at.timestamp(), (over or now).timestamp()
    end = min(now.timestamp(), until + _AFTER)
    shown = min(_LONGEST, max(_BEFORE, end - since + _BEFORE))
    step = max(_FINEST, round(shown / _POINTS / _FINEST) * _FINEST)
    return Span(end - shown // step * step, end, step, since, until)


def query_of(plot: Plot) -> str:
    """Return what to ask for."""
    if plot.watched is None:
        return band_query(plot.series[0])
    return only(plot.watched.condition.value, plot.series[:_MOST])


def chart_of(plot: Plot, series: Sequence[Series], span: Span, style: Style) -> Chart | None:
    """Put a chart together; None where there is nothing to be seen."""
    lower, upper, rest = band_of(series) if plot.watched is None else (None, None, list(series))
    shown = [one for one in rest if one.values][:_MOST]
    if not shown:
        return None
    alert, watched = plot.alert, plot.watched
    over = alert.status is Status.RESOLVED
    what = alert.labels.get("alertname", "") if watched else plot.series[0].get("signal", "")
    names = (what, host_of(alert.labels))
    return Chart(
        title=" · ".join(plain(name) for name in names if name),
        unit=watched.unit if watched else "",
        color=RESOLVED_COLOR if over else severity_of(alert.labels).color,
        language=style.language,
        timezone=style.timezone,
        start=span.start,
        end=span.end,
        since=span.since,
        until=span.until,
        lines=tuple(_line(one, [s.labels for s in shown]) for one in shown),
        lower=None if lower is None else _line(lower, ()),
        upper=None if upper is None else _line(upper, ()),
        limit=watched.condition.limit if watched else None,
    )


def _line(series: Series, every: Sequence[Labels]) -> Line:
    """Call a series by what tells it from the others."""
    own = {
        name: value
        for name, value in series.labels.items()
        if name != "__name__" and any(other.get(name) != value for other in every)
    }
    label = ",".join(f"{k}={v}" for k, v in sorted(own.items())[:_TELLING])
    return Line(label=label, times=series.times, values=series.values)
