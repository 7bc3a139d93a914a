"""One expression that a Prometheus computes: an instant query at every tick."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from exporter.model import Block
from exporter.prometheus.answers import Answer, parse
from exporter.prometheus.client import ERROR, LATE, Prometheus, QueryError
from exporter.signals.layout import Layout, arrange

SKIP_REASONS = ("duplicate", "signal_limit", "histogram", ERROR, LATE)
_BYTES_A_SERIES, _BYTES_AT_LEAST = 2048, 1 << 24

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and how many of its series may be scored."""

    promql: str
    limit: int = 1000

    @property
    def most_bytes(self) -> int:
        """How large an answer may be: beyond, it has far more series than wanted."""
        return _BYTES_AT_LEAST + _BYTES_A_SERIES * self.limit


class Trouble(NamedTuple):
    """What is wrong with a signal: by name, as it is counted, and in words; both empty if none."""

    kind: str = ""
    text: str = ""


class Poll:
    """One expression asked again and again, one question at a time.

    An answer that comes too late for its tick is taken by the next one. A tick waits only where
    the answer before came in time, so a slow server does not hold up others' scores again and
    again.
    """

    def __init__(self, signal: str, query: Query, prometheus: Prometheus) -> None:
        self.signal = signal
        self.query = query
        self.skipped = Counter(dict.fromkeys(SKIP_REASONS, 0))
        self.left_out: Mapping[str, int] = {}
        """How many series the latest tick left out, by reason."""
        self.trouble = Trouble()
        self.seconds = 0.0
        """How long the latest answer took, or has been taking."""
        self.layout = Layout()
        self._prometheus = prometheus
        self._flight: asyncio.Task[None] | None = None
        self._begun = 0.0
        self._new = False
        self._landed: Answer | QueryError | None = None
        self._missed = 0.0  # how many seconds an answer took that a tick went without

    def begin(self) -> None:
        """Ask, unless the question before is still under way."""
        self._new = self._flight is None or self._flight.done()
        if self._new:
            self._begun = time.monotonic()
            self._flight = asyncio.create_task(self._ask())

    async def take(self, due: float) -> Block:
        """Return what was answered, waiting until `due` at most; NaN where nothing was."""
        if self._flight and self._new and self._begun + self.seconds <= due:
            await asyncio.wait({self._flight}, timeout=max(0.0, due - time.monotonic()))
        landed, self._landed = self._landed, None
        if isinstance(landed, Answer):
            return self._arrived(landed)
        self._missing(landed)
        keys = self.layout.keys
        return Block(keys, np.full(len(keys), np.nan), np.full(len(keys), time.time()))

    async def look(self) -> Answer:
        """Ask once and lay out what is answered; raises QueryError."""
        body = await self._prometheus.query(self.query.promql, self.query.most_bytes)
        answer = parse(body, self.layout.labels)
        self.layout = arrange(self.signal, answer.labels, self.query.limit, before=self.layout)
        return answer

    def cancel(self) -> None:
        """Ask no more."""
        if self._flight:
            self._flight.cancel()

    async def _ask(self) -> None:
        landed: Answer | QueryError
        try:
            landed = await self.look()
        except QueryError as error:
            landed = error
        if self._landed is not None:  # no tick took the answer before, and this one is newer
            self._skip(self._landed)
        self._landed = landed
        self.seconds = time.monotonic() - self._begun
        if self._missed:  # the slow answer tells, not one after it that a tick takes instead
            self._missed = max(self._missed, self.seconds)

    def _arrived(self, answer: Answer) -> Block:
        layout = self.layout
        lost = {"duplicate": layout.duplicates, "signal_limit": layout.beyond}
        self._leave_out({**lost, "histogram": answer.histograms})
        if self._missed:
            self._say(Trouble(LATE, f"an answer took {self._missed:.1f} s, and ticks went without"))
        else:
            self._say(Trouble("partial" if answer.warnings else "", "; ".join(answer.warnings)))
        self._missed = 0.0
        return Block(layout.keys, answer.values[layout.places], answer.times[layout.places])

    def _missing(self, error: QueryError | None) -> None:
        if error is None:
            self.seconds = self._missed = time.monotonic() - self._begun
        self._skip(error)
        waited = f"no answer yet after {self.seconds:.1f} s"
        self._say(Trouble(error.reason, str(error)) if error else Trouble(LATE, waited))

    def _skip(self, landed: Answer | QueryError | None) -> None:
        """Count all series of the signal as left out; one, while nobody knows how many."""
        reason = landed.reason if isinstance(landed, QueryError) else LATE
        self._leave_out({reason: max(1, len(self.layout.keys))})

    def _leave_out(self, lost: Mapping[str, int]) -> None:
        self.left_out = {reason: count for reason, count in lost.items() if count}
        self.skipped.update(self.left_out)

    def _say(self, trouble: Trouble) -> None:
        """Log where the kind of trouble changes, not at every tick."""
        if trouble.kind and trouble.kind != self.trouble.kind:
            _log.warning("signal %s: %s: %s", self.signal, trouble.kind, trouble.text)
        elif self.trouble.kind and not trouble.kind:
            _log.info("signal %s is answered again", self.signal)
        self.trouble = trouble
