"""Learns at the start what a Prometheus has of the past, so that its signals are scored at once."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from exporter.model import FloatArray, SeriesKey
from exporter.prometheus.answers import parse
from exporter.prometheus.client import Prometheus, QueryError
from exporter.prometheus.history import grid, later, most_bytes, plan
from exporter.prometheus.span import Span
from exporter.signals.layout import name_series
from exporter.signals.poll import Poll
from exporter.signals.promql import Pending
from exporter.tick import Ticker, ratios_of

_DEADLINE = 600.0
"""Seconds after which signals begin without the rest of their past."""
_PAUSES = (5.0, 60.0)
"""Seconds before what failed is asked for again: at first, then twice as many up to the second."""
_VALUES_AT_ONCE, _MOMENTS_AT_ONCE = 50_000, 100
"""How much is learned before ticks and scrapes get their turn: some tens of milliseconds."""
_REPORT_EVERY = 10.0

_log = logging.getLogger(__name__)


class Backfill:
    """Learns the last `history` seconds of PromQL signals, in the order of time.

    Everything else is scored meanwhile. What is known already, from a saved state or from before
    a reload, is not learned twice. What cannot be had now is asked for again, from there on: a
    signal that were scored live before its past could no longer learn that, since learning goes
    forward in time. It would have no scores yet, either.
    """

    def __init__(self, ticker: Ticker, prometheus: Prometheus, history: float) -> None:
        self._ticker = ticker
        self._prometheus = prometheus
        self._history = history

    async def __call__(self, signals: Sequence[Pending]) -> None:
        """Do it all, or what can be done in time."""
        try:
            async with asyncio.timeout(_DEADLINE):
                await self._persist(signals)
        except TimeoutError:
            for one in signals:
                if not one.over:
                    _begin(one, one.trouble or "it took too long")

    async def _persist(self, signals: Sequence[Pending]) -> None:
        """Try until the past of each signal is learned, or known to be out of reach."""
        pause, longest = _PAUSES
        patient = [one for one in signals if not self._knows(one.poll)]
        while True:
            failed = await self._fill([one.poll for one in signals if not one.over])
            for one in signals:
                if one.over:
                    continue
                error = failed.get(one.poll.signal)
                if error is None:
                    one.over = True
                else:
                    _note(one, error, pause if one in patient else None)
            if all(one.over for one in signals):
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)

    def _knows(self, poll: Poll) -> bool:
        """Whether all series of a signal are known from before."""
        return bool(np.isfinite(_known_until(self._ticker, poll.layout.keys)).all())

    async def _fill(self, polls: list[Poll]) -> dict[str, QueryError]:
        """Learn what there is of these signals; returns why not all of some."""
        failed: dict[str, QueryError] = {}
        keys = tuple(key for poll in polls for key in poll.layout.keys)
        keys = keys[: self._ticker.scorer.capacity]
        if not keys:
            return failed
        columns = {key: column for column, key in enumerate(keys)}
        known = _known_until(self._ticker, keys)
        news = _News(keys, known, self._ticker.sensitivity(keys))
        interval = self._ticker.rule.interval
        # The tick to come is a step of its own: no value of the past may stand right before it.
        spans = later(plan(time.time() - interval, self._history, interval, len(keys)), known.min())
        reported = time.monotonic()
        for number, span in enumerate(spans, start=1):
            asked = [poll for poll in polls if poll.signal not in failed]
            table = await self._table(asked, span, columns, failed)
            table[span.times[:, np.newaxis] <= known] = np.nan
            await self._replay(news, span, table)
            if time.monotonic() - reported > _REPORT_EVERY or number == len(spans):
                reported = time.monotonic()
                _log.info("%s: %.0f %%", news, 100 * number / len(spans))
        return failed

    async def _table(
        self,
        polls: list[Poll],
        span: Span,
        columns: Mapping[SeriesKey, int],
        failed: dict[str, QueryError],
    ) -> FloatArray:
        """Return the values of a span, shape (moments, series), and note the signals that fail."""
        table = np.full((span.count, len(columns)), np.nan)
        for poll in polls:
            most = most_bytes(span, len(poll.layout.labels))
            try:
                answer = parse(await self._prometheus.query_range(poll.query.promql, span, most))
                named = name_series(poll.signal, answer.labels, poll.layout.named)
            except QueryError as error:
                failed[poll.signal] = error
                continue
            places = [columns.get(named[text], -1) for text in answer.labels]
            grid(answer, np.array(places, np.intp), span, table)
        return table

    async def _replay(self, news: "_News", span: Span, table: FloatArray) -> None:
        some = np.isfinite(table).any(axis=1)
        times, table = span.times[some], table[some]
        moments = min(max(_VALUES_AT_ONCE // len(news.keys), 1), _MOMENTS_AT_ONCE)
        for first in range(0, len(times), moments):
            part = slice(first, first + moments)
            _learn(self._ticker, news, times[part], table[part])
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class _News:
    """Series whose past is learned: until when each is known, and its false alarms a week."""

    keys: tuple[SeriesKey, ...]
    known: FloatArray
    alarms_a_week: FloatArray | None

    def __str__(self) -> str:
        again = int(np.count_nonzero(np.isfinite(self.known)))
        new = len(self.keys) - again
        past = f"the past of {new} series is learned" if new else ""
        gap = f"what {again} series known from before did meanwhile is learned" if again else ""
        return ", and ".join(filter(None, (past, gap)))


def _note(one: Pending, error: QueryError, pause: float | None) -> None:
    """Note a failure; a signal begins at once where waiting is no use, or worth no `pause`."""
    one.failures += 1
    if error.final or pause is None:
        _begin(one, str(error))
        return
    if not one.trouble:
        _log.warning(
            "signal %s: its past is not learned yet: %s; trying again for %g minutes",
            *(one.poll.signal, error, _DEADLINE / 60),
        )
    one.trouble = f"its past is not learned yet: {error}; the next try is in {pause:g} s"


def _begin(one: Pending, why: str) -> None:
    """Let a signal begin as it is."""
    _log.warning("signal %s begins without all of its past: %s", one.poll.signal, why)
    one.over = True


def _learn(ticker: Ticker, news: _News, times: FloatArray, table: FloatArray) -> None:
    """Learn values of shape (moments, series); rows are found anew, since ticks may take some."""
    place = ticker.slots.place(news.keys, time.monotonic())
    ticker.scorer.wipe(place.fresh)
    ratios = ratios_of(news.keys)
    for moment, values in zip(times, table, strict=True):
        at = np.full(len(values), moment)
        ticker.scorer.replay(place.rows, values, at, ticker.rule, news.alarms_a_week, ratios)


def _known_until(ticker: Ticker, keys: tuple[SeriesKey, ...]) -> FloatArray:
    """Return the time of each series' latest value, -inf where there has been none."""
    known = np.full(len(keys), -np.inf)
    rows = np.array([ticker.slots.row(key) for key in keys], np.intp)
    held = rows >= 0
    known[held] = ticker.scorer.latest(rows[held])
    return known
