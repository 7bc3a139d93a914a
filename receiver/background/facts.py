"""The numbers of a notification's alerts, and what else is unusual on their host."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiohttp import ClientSession

from receiver.background.queries import (
    Signal,
    Watched,
    leading,
    point_of,
    signal_of,
    signal_query,
    unusual_query,
    watched_by,
)
from receiver.model import Alert, Labels, Notification, Reading, Status, Unusual
from receiver.upstream.asking import AskError
from receiver.upstream.prometheus import Point, Prometheus, Rules, ask_now
from receiver.upstream.units import unit_of

_MOST = 10
"""Alerts whose values are looked up: as many as a message lists."""
_QUERIES = 6
"""Expressions that are evaluated for one message at most."""


@dataclass(frozen=True, slots=True)
class Plot:
    """What a picture of the leading alert shows: series of a rule, or a signal with its band."""

    alert: Alert
    watched: Watched | None
    series: tuple[Labels, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Numbers by fingerprint, what else is unusual, and what there is to be drawn, if anything."""

    readings: Mapping[str, Reading]
    unusual: tuple[Unusual, ...]
    plot: Plot | None = None


NO_FACTS = Facts({}, ())


@dataclass(frozen=True, slots=True)
class Source:
    """Whom to ask, when it is, and who takes note of what went wrong."""

    http: ClientSession
    told: Prometheus
    now: datetime
    note: Callable[[AskError], None]

    async def points(self, query: str, alert: Alert) -> list[Point]:
        """Evaluate an expression now, or when the alert was over; nothing where that fails.

        One question that is not answered leaves the others.
        """
        over = alert.ends_at if alert.status is Status.RESOLVED else None
        try:
            return await ask_now(self.http, self.told, query, over or self.now) if query else []
        except AskError as error:
            self.note(error)
            return []


async def find(told: Notification, rules: Rules, source: Source) -> Facts:
    """Ask for everything at once."""
    alerts = sorted(told.alerts, key=lambda alert: alert.status is Status.RESOLVED)[:_MOST]
    first = leading(alerts)
    if first is None:
        return NO_FACTS
    watching = {alert.fingerprint: watched_by(rules, alert) for alert in alerts}
    wanted = tuple(dict.fromkeys(w for each in watching.values() for w in each))[:_QUERIES]
    signal = first.labels.get("signal", "")
    *answers, of_signal, beside = await asyncio.gather(
        *(source.points(each.condition.value, first) for each in wanted),
        source.points(signal_query(first.labels) if signal else "", first),
        source.points(unusual_query(first.labels), first),
    )
    points = dict(zip(wanted, answers, strict=True))
    found = {a.fingerprint: _find(a, watching[a.fingerprint], points) for a in alerts}
    readings = {key: _read(*one) for key, one in found.items() if one and _tells(one[0])}
    unusual = _unusual(beside, signal)
    if (known := signal_of(first.labels, of_signal)) is not None:
        readings[first.fingerprint] = _reading(known)
        return Facts(readings, unusual, Plot(first, None, (known.labels,)))
    plot = _plot(first, found)
    if plot and plot.watched and plot.watched.anomalies and unusual:
        # The rule counts anomalies and its alert names them; what they look like is news.
        return Facts(readings, (), await _plot_signal(first, unusual[0].signal, source) or plot)
    return Facts(readings, unusual, plot)


async def _plot_signal(first: Alert, signal: str, source: Source) -> Plot | None:
    labels = {"signal": signal, "instance": first.labels.get("instance", "")}
    known = signal_of(labels, await source.points(signal_query(labels), first))
    return None if known is None else Plot(first, None, (known.labels,))


_Found = tuple[Watched, Point] | None


def _find(
    alert: Alert, watching: Sequence[Watched], points: Mapping[Watched, list[Point]]
) -> _Found:
    for watched in watching:
        if (point := point_of(alert, points.get(watched, []))) is not None:
            return watched, point
    return None


def _plot(first: Alert, found: Mapping[str, _Found]) -> Plot | None:
    """Draw the leading alert's series, with those of the others that watch the same."""
    leader = found[first.fingerprint]
    if leader is None:
        return None
    watched = leader[0]
    alike = [one[1].labels for one in found.values() if one and one[0] == watched]
    unique = {tuple(sorted(labels.items())): labels for labels in [leader[1].labels, *alike]}
    return Plot(first, watched, tuple(unique.values()))


def _tells(watched: Watched) -> bool:
    """Whether the value is news: of `up == 0` it is in the name of the alert."""
    return watched.condition.operator != "=="


def _read(watched: Watched, point: Point) -> Reading:
    return Reading(point.value, watched.unit)


def _reading(signal: Signal) -> Reading:
    lower, upper = signal.band
    unit = unit_of(signal.labels["signal"])  # a name or an expression
    return Reading(signal.value, unit, lower, upper, signal.deviation)


def _unusual(points: Sequence[Point], signal: str) -> tuple[Unusual, ...]:
    each = (Unusual(point.labels.get("signal", ""), point.value) for point in points)
    named = [one for one in each if one.signal and one.signal != signal]
    return tuple(sorted(named, key=lambda one: (-one.deviation, one.signal)))
