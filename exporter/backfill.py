"""Learns at the start what a Prometheus has of the past, so that its signals are scored at once."""

import asyncio
import logging
import time
from collections.abc import Mapping

import numpy as np

from exporter.model import FloatArray, SeriesKey
from exporter.prometheus.answers import parse
from exporter.prometheus.client import Prometheus, QueryError
from exporter.prometheus.history import grid, later, most_bytes, plan
from exporter.prometheus.span import Span
from exporter.signals.layout import name_series
from exporter.signals.promql import Poll, Promql
from exporter.tick import Ticker, ratios_of

_DEADLINE = 600.0
"""Seconds after which the signals begin without the rest of their past."""
_VALUES_AT_ONCE, _MOMENTS_AT_ONCE = 50_000, 100
"""How much is learned before ticks and scrapes get their turn: some tens of milliseconds."""
_REPORT_EVERY = 10.0

_log = logging.getLogger(__name__)


class Backfill:
    """Learns the last `history` seconds of all PromQL signals, in the order of time.

    Own samples are scored meanwhile. What is known already, from a saved state or from before a
    reload, is not learned twice.
    """

    def __init__(self, ticker: Ticker, prometheus: Prometheus, history: float) -> None:
        self._ticker = ticker
        self._prometheus = prometheus
        self._history = history

    async def __call__(self, promql: Promql) -> None:
        """Do it all, or what can be done in time."""
        try:
            async with asyncio.timeout(_DEADLINE):
                await self._fill([poll for poll in promql.polls if await _found(poll)])
        except TimeoutError:
            _log.warning("signals begin without the latest part of their past: it took too long")

    async def _fill(self, polls: list[Poll]) -> None:
        keys = tuple(key for poll in polls for key in poll.layout.keys)
        keys = keys[: self._ticker.scorer.capacity]
        if not keys:
            return
        columns = {key: column for column, key in enumerate(keys)}
        known = _known_until(self._ticker, keys)
        interval = self._ticker.rule.interval
        # The tick to come is a step of its own: no value of the past may stand right before it.
        spans = plan(time.time() - interval, self._history, interval, len(keys))
        spans = later(spans, known.min())
        reported = time.monotonic()
        for number, span in enumerate(spans, start=1):
            table = await self._table(polls, span, columns)
            table[span.times[:, np.newaxis] <= known] = np.nan
            await self._replay(keys, span, table)
            if time.monotonic() - reported > _REPORT_EVERY or number == len(spans):
                reported = time.monotonic()
                done = 100 * number / len(spans)
                _log.info("the past of %d series is learned: %.0f %%", len(keys), done)

    async def _table(
        self, polls: list[Poll], span: Span, columns: Mapping[SeriesKey, int]
    ) -> FloatArray:
        """Return the values of a span, shape (moments, series); drops a signal that fails."""
        table = np.full((span.count, len(columns)), np.nan)
        for poll in tuple(polls):
            most = most_bytes(span, len(poll.layout.labels))
            try:
                answer = parse(await self._prometheus.query_range(poll.query.promql, span, most))
                named = name_series(poll.signal, answer.labels, poll.layout.named)
            except QueryError as error:
                polls.remove(poll)
                _log.warning("signal %s begins without all of its past: %s", poll.signal, error)
                continue
            places = [columns.get(named[text], -1) for text in answer.labels]
            grid(answer, np.array(places, np.intp), span, table)
        return table

    async def _replay(self, keys: tuple[SeriesKey, ...], span: Span, table: FloatArray) -> None:
        some = np.isfinite(table).any(axis=1)
        times, table = span.times[some], table[some]
        moments = min(max(_VALUES_AT_ONCE // len(keys), 1), _MOMENTS_AT_ONCE)
        for first in range(0, len(times), moments):
            part = slice(first, first + moments)
            _learn(self._ticker, keys, times[part], table[part])
            await asyncio.sleep(0)


def _learn(
    ticker: Ticker, keys: tuple[SeriesKey, ...], times: FloatArray, table: FloatArray
) -> None:
    """Learn values of shape (moments, series); rows are found anew, since ticks may take some."""
    place = ticker.slots.place(keys, time.monotonic())
    ticker.scorer.wipe(place.fresh)
    ratios = ratios_of(keys)
    for moment, values in zip(times, table, strict=True):
        at = np.full(len(values), moment)
        ticker.scorer.replay(place.rows, values, at, ticker.rule, ratios)


def _known_until(ticker: Ticker, keys: tuple[SeriesKey, ...]) -> FloatArray:
    """Return the time of each series' latest value, -inf where there has been none."""
    known = np.full(len(keys), -np.inf)
    rows = np.array([ticker.slots.row(key) for key in keys], np.intp)
    held = rows >= 0
    known[held] = ticker.scorer.latest(rows[held])
    return known


async def _found(poll: Poll) -> bool:
    """Find out which series a signal has."""
    try:
        await poll.look()
    except QueryError as error:
        _log.warning("signal %s begins without its past: %s", poll.signal, error)
        return False
    return True
