"""Signals that a Prometheus computes, and how each begins once its past is learned."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from exporter.model import Block, LeftOut, Metric, Sample
from exporter.prometheus.client import Prometheus
from exporter.signals.poll import Poll, Query

QUERY_SUCCESS = Metric(
    "tocsin_signal_query_success",
    "Whether Prometheus answered the signal's latest query in time and as a whole.",
    labels=("signal",),
)
QUERY_DURATION = Metric(
    "tocsin_signal_query_duration_seconds",
    "How long the signal's latest query took, or has been taking.",
    labels=("signal",),
)
BACKFILL_FAILURES = Metric(
    "tocsin_backfill_failures_total",
    "Times that a part of the signal's past was asked for and not answered.",
    "counter",
    labels=("signal",),
)
_SETTLED = 60.0
"""Seconds for which series may still come, where a Prometheus had none to show at first: one that
has just started scrapes its targets one after the other."""


@dataclass(slots=True)
class Pending:
    """How a signal begins: found, its past learned, scored."""

    poll: Poll
    over: bool = False
    """Whether it has begun; set by who learns its past, also where that cannot be had."""
    failures: int = 0
    trouble: str = ""
    """Why its past is not learned yet, in words."""
    learning: bool = False
    _came_late: bool = False
    _found_at: float = np.inf

    def find(self, block: Block, now: float) -> bool:
        """Take note of what was answered; returns whether all series are likely to be there."""
        if np.isfinite(block.values).any():
            self._found_at = min(self._found_at, now)
        else:
            self._came_late = True
        return now - self._found_at >= (_SETTLED if self._came_late else 0)

    @property
    def left_out(self) -> Mapping[str, int]:
        """How many of its series the latest tick left out, by reason."""
        held = len(self.poll.layout.keys)
        return self.poll.left_out if self.over or not held else {"backfill": held}

    @property
    def told(self) -> str:
        """What is wrong with the signal, in words; "" where all is well."""
        asked = self.poll.trouble.text if self.poll.trouble.kind else ""
        if self.over:
            return asked
        if self.learning:
            return self.trouble or "the past is being learned"
        if self._found_at < np.inf:
            return "it has just been answered for the first time; its past is learned in a minute"
        return asked and f"{asked}; its past is learned once it is answered"


class Past(Protocol):
    """What learns the past of signals before their first value is scored."""

    async def __call__(self, signals: Sequence[Pending], /) -> None:
        """Learn it, and say of each when that is over; what raises ends the process."""
        ...


class Promql:
    """All expressions of a configuration, as one source of signals."""

    lasting = False

    def __init__(
        self, prometheus: Prometheus, queries: Mapping[str, Query], past: Past | None = None
    ) -> None:
        self.polls = [Poll(signal, query, prometheus) for signal, query in queries.items()]
        self._past = past
        self._pending = [Pending(poll, over=past is None) for poll in self.polls]
        self._learning: list[asyncio.Task[None]] = []
        self._held = 0

    @property
    def skipped(self) -> Mapping[str, int]:
        """How many series were left out so far, by reason."""
        total = Counter(backfill=self._held)
        for poll in self.polls:
            total.update(poll.skipped)
        return total

    @property
    def left_out(self) -> LeftOut:
        """How many series of each signal were left out at the latest tick, by reason."""
        return {one.poll.signal: lost for one in self._pending if (lost := one.left_out)}

    @property
    def trouble(self) -> str:
        """What each signal in trouble suffers from."""
        told = ((one.poll.signal, one.told) for one in self._pending)
        return "; ".join(f"{signal}: {words}" for signal, words in told if words)

    @property
    def names(self) -> Iterable[str]:
        """The signals that are asked for."""
        return [poll.signal for poll in self.polls]

    def samples(self) -> Iterator[Sample]:
        """Say of each signal whether it was answered, how long that took, and how it began."""
        for one in self._pending:
            poll = one.poll
            yield QUERY_SUCCESS.sample(float(not poll.trouble.kind), poll.signal)
            yield QUERY_DURATION.sample(poll.seconds, poll.signal)
            yield BACKFILL_FAILURES.sample(float(one.failures), poll.signal)

    def begin(self) -> None:
        """Ask for all of them, but for those whose past is being learned."""
        for done in [task for task in self._learning if task.done()]:
            self._learning.remove(done)
            done.result()
        for one in self._pending:
            if one.over or not one.learning:
                one.poll.begin()

    async def take(self, due: float) -> list[Block]:
        """Return what was answered of each of them that has begun."""
        blocks: list[Block] = []
        found: list[tuple[Pending, Block]] = []
        for one in self._pending:
            if one.learning and not one.over:
                self._held += len(one.poll.layout.keys)
                continue
            block = await one.poll.take(due)
            if one.over:
                blocks.append(block)
            elif one.find(block, time.monotonic()):
                found.append((one, block))
            else:
                self._held += len(block.keys)
        return blocks + await self._start(found, due)

    async def _start(self, found: Sequence[tuple[Pending, Block]], due: float) -> list[Block]:
        """Learn the past of signals; return the values of those for which that is done in time.

        After a restart little is to be learned, so that no signal is missing on the first page.
        """
        if not found or not self._past:
            return []
        for one, _ in found:
            one.learning = True
        self._learning.append(asyncio.create_task(self._past([one for one, _ in found])))
        await asyncio.wait({self._learning[-1]}, timeout=max(0.0, due - time.monotonic()))
        self._held += sum(len(block.keys) for one, block in found if not one.over)
        return [block for one, block in found if one.over]

    def cancel(self) -> None:
        """Ask no more."""
        for task in self._learning:
            task.cancel()
        for poll in self.polls:
            poll.cancel()
