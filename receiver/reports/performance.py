"""Series in numbers: how they were, where they go, and what of that is worth a word (pure)."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression, pstdev

from receiver.reports.due import Period
from receiver.reports.facts import Performance, Trace, Watched

MOST = 10
"""Series of one signal that a report has."""
_DAY = 86_400.0
_NOTABLE, _APART = 0.1, 0.5
"""A mean that changed by a tenth, and by half of what the values differ by anyway, is a finding."""
_FEWEST = 12
_SURE = 0.7
"""The share of a series' variance that its line explains, where it is believed."""
_AHEAD = 180.0
"""Days; what a line says of later is a guess."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A straight line through points: its slope by day, its value at their end, how well it fits.

    `fit` is the share of their variance that it explains.
    """

    slope: float
    end: float
    fit: float


def measure(watched: Iterable[Watched], period: Period) -> tuple[list[Performance], int]:
    """Measure each series; returns the most telling of each signal, and how many are left out."""
    found: list[Performance] = []
    more = 0
    for signal in watched:
        every = [p for trace in signal.traces for p in _measure(signal, trace, period)]
        every.sort(key=_telling)
        found += every[:MOST]
        more += len(every) - len(every[:MOST])
    return found, more


def _telling(one: Performance) -> tuple[bool, bool, float, str]:
    return one.full is None, not one.notable, -one.mean, str(sorted(one.labels.items()))


def _measure(signal: Watched, trace: Trace, period: Period) -> Iterator[Performance]:
    """Yield the numbers of a series, if it had values in the period."""
    begin, end = period.begin.timestamp(), period.end.timestamp()
    points = [*zip(trace.times, trace.values, strict=True)]
    now = [(at, value) for at, value in points if begin <= at <= end]
    if not now:
        return
    values = [value for _, value in now]
    then = [value for at, value in points if at < begin]
    line = _line(now)
    change, notable = _change(values, then)
    yield Performance(
        signal.name,
        signal.unit,
        trace.labels,
        mean=fmean(values),
        most=max(values),
        p95=_quantile(values, 0.95),
        slope=line.slope if line else 0.0,
        change=change,
        notable=notable,
        full=_full(signal, line, values[-1], now),
    )


def _change(now: Sequence[float], then: Sequence[float]) -> tuple[float | None, bool]:
    """Return how the mean changed, and whether that is beyond how the values differ anyway."""
    if len(then) < _FEWEST or not fmean(then):
        return None, False
    difference, mean = fmean(now) - fmean(then), fmean(then)
    change = difference / abs(mean)
    apart = abs(difference) >= _APART * max(pstdev(now), pstdev(then))
    return change, apart and abs(change) >= _NOTABLE and len(now) >= _FEWEST


def _line(points: Sequence[tuple[float, float]]) -> _Line | None:
    if len(points) < _FEWEST:
        return None
    first = points[0][0]
    days, values = [(at - first) / _DAY for at, _ in points], [value for _, value in points]
    slope, start = linear_regression(days, values)
    spread = pstdev(values)
    fit = (slope * pstdev(days) / spread) ** 2 if spread else 0.0
    return _Line(slope, start + slope * days[-1], fit)


def _full(
    signal: Watched, line: _Line | None, last: float, points: Sequence[tuple[float, float]]
) -> float | None:
    """Return in how many days it is at its end: only where it grows, and a line fits it well.

    No further than as long as it was looked at, ten times over.
    """
    if signal.full is None or line is None or line.slope <= 0 or line.fit < _SURE:
        return None
    days = (signal.full - max(last, line.end)) / line.slope
    seen = (points[-1][0] - points[0][0]) / _DAY
    return max(days, 0.0) if days <= min(_AHEAD, 10 * seen) else None


def _quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so many are not above."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
