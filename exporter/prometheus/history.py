"""How the past is asked for: in spans that neither the server nor our memory finds too large."""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from exporter.model import FloatArray
from exporter.prometheus.answers import Answer
from exporter.prometheus.span import Span

IntArray = NDArray[np.intp]

MOST_A_SERIES = 11_000
"""What Prometheus answers of a series at once, and all that is asked of each."""
_MOST_AT_ONCE = 500_000
"""Points of one answer: some 15 MB."""
_MOST_IN_ALL = 50_000_000
"""Points of all series: some minutes of work."""
_COARSEST = 20
"""How many intervals a step may have: of what changes within them it would tell nothing."""


def plan(end: float, history: float, interval: float, series: int) -> list[Span]:
    """Cover the `history` seconds up to `end` with spans, one for each question, in time order.

    Each series gets so many points as the limits above allow. Where these do not reach back
    all the way at the interval's own step, half of them do: the latest, since that step is the
    one to come. The others are spread over the time before, which has the days and weeks.
    """
    points = min(MOST_A_SERIES, _MOST_IN_ALL // max(series, 1))
    fine = int(history / interval)
    if fine <= points:
        return _questions([Span(end - fine * interval, interval, fine + 1)], series)
    fine, coarse = points - points // 2, points // 2
    latest = Span(end - (fine - 1) * interval, interval, fine)
    rest = history - fine * interval
    step = interval * min(math.ceil(rest / interval / max(coarse, 1)), _COARSEST)
    coarse = min(coarse, int(rest / step))
    before = Span(latest.start - coarse * step, step, coarse)
    return _questions([before, latest] if coarse else [latest], series)


def later(spans: list[Span], than: float) -> list[Span]:
    """Leave out what is not later than a moment."""
    return [span for span in (_cut(span, than) for span in spans) if span.count > 0]


def most_bytes(span: Span, series: int) -> int:
    """Return how large an answer may be: twice what so many points and labels usually need."""
    return (1 << 24) + series * (2048 + 64 * span.count)


def grid(answer: Answer, columns: IntArray, span: Span, table: FloatArray) -> None:
    """Write a range into a table of shape (moments, series).

    `columns` says of each series of the answer which column is its own, -1 of one without.
    """
    columns = np.repeat(columns, answer.counts)
    moments = np.rint((answer.times - span.start) / span.step).astype(np.intp)
    there = (columns >= 0) & (moments >= 0) & (moments < span.count)
    table[moments[there], columns[there]] = answer.values[there]


def _questions(spans: list[Span], series: int) -> list[Span]:
    """Cut spans so that no answer has too many points."""
    most = max(1, min(MOST_A_SERIES, _MOST_AT_ONCE // max(series, 1)))
    return [part for span in spans for part in _parts(span, most)]


def _parts(span: Span, most: int) -> Iterator[Span]:
    edges = [*range(0, span.count, most), span.count]
    for first, last in pairwise(edges):
        yield Span(span.start + first * span.step, span.step, last - first)


def _cut(span: Span, than: float) -> Span:
    skip = 0 if than < span.start else int((than - span.start) // span.step) + 1
    return Span(span.start + skip * span.step, span.step, span.count - skip)
