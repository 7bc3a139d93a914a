"""The one fence around collectors: catches, times and counts, and waits for nobody for ever."""

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.collectors.contract import Collector, Paths
from exporter.model import Metric, NoData, Sample

SUCCESS = Metric(
    "tocsin_collector_success",
    "Whether the collector gave its samples: 1, or 0 for failed or late; absent without a source.",
    labels=("collector",),
)
DURATION = Metric(
    "tocsin_collector_duration_seconds",
    "How long the collector took, or has been taking where it is late.",
    labels=("collector",),
)
LAST_SUCCESS = Metric(
    "tocsin_collector_last_success_timestamp_seconds",
    "When the collector last gave its samples, in seconds since 1970.",
    labels=("collector",),
)
PATH_MISSING = Metric(
    "tocsin_path_missing",
    "1 for each of `paths` that is not there or cannot be read; nothing is read from it.",
    labels=("path",),
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a collector came to; `trouble` is empty where nothing went wrong."""

    samples: tuple[Sample, ...]
    seconds: float
    trouble: str = ""
    absent: bool = False
    """The source is not there, which is no failure and so is neither success 0 nor 1."""


@dataclass(frozen=True, slots=True)
class _Flight:
    """A blocking collector under way in its thread."""

    started: float
    landed: "asyncio.Future[Outcome]"


class Fence:
    """Runs all collectors; one that fails, or is late, loses its own samples and nothing else.

    A collector that blocks runs in a thread of its own, at most one at a time: scrapes that
    come while it is under way share its outcome, and a hung one is not started again.
    """

    def __init__(
        self, collectors: Mapping[str, Collector], deadlines: Mapping[str, float], paths: Paths
    ) -> None:
        self._collectors = dict(collectors)
        self._deadlines = dict(deadlines)
        self._paths = paths
        self._flights: dict[str, _Flight] = {}
        self._last_success: dict[str, float] = {}
        self.troubles: dict[str, str] = {}
        """The latest trouble of each collector that has run, "" where all is well."""
        self.missing: Mapping[str, Path] = {}
        """Those of the paths that were not there at the latest run."""

    async def collect(self, budget: float = math.inf) -> list[Sample]:
        """Run every collector; none is waited for beyond its deadline or `budget` seconds."""
        latest = time.monotonic() + budget
        flights = {name: self._fly(name) for name, one in self._collectors.items() if one.blocking}
        samples: list[Sample] = []
        for name, collector in self._collectors.items():
            if name not in flights:
                samples += self._note(name, _attempt(collector, self._paths))
        for name, flight in flights.items():
            due = min(latest, flight.started + self._deadlines[name])
            samples += self._note(name, await _landing(flight, due))
        return [*samples, *self._look()]

    def _look(self) -> list[Sample]:
        """Count the paths that are not there and say each once; no collector sees a fault in it."""
        missing = self._paths.missing()
        for name, path in missing.items():
            if name not in self.missing:
                _log.warning("paths.%s: %s is no folder that can be read", name, path)
        self.missing = missing
        return [PATH_MISSING.sample(1.0, name) for name in missing]

    def _fly(self, name: str) -> _Flight:
        """Join the collector's flight, or start one in a new thread."""
        flight = self._flights.get(name)
        if flight is None or flight.landed.done():
            loop = asyncio.get_running_loop()
            flight = self._flights[name] = _Flight(time.monotonic(), loop.create_future())
            work = (self._collectors[name], self._paths, flight.landed, loop)
            threading.Thread(target=_run, args=work, name=f"collect-{name}", daemon=True).start()
        return flight

    def _note(self, name: str, outcome: Outcome) -> Iterator[Sample]:
        """Yield the samples and the collector's own; log only where its state changes."""
        _log_change(name, self.troubles.get(name, ""), outcome)
        self.troubles[name] = outcome.trouble
        if not outcome.trouble and not outcome.absent:
            self._last_success[name] = time.time()
        yield from outcome.samples
        yield DURATION.sample(outcome.seconds, name)
        if not outcome.absent:
            yield SUCCESS.sample(float(not outcome.trouble), name)
        if name in self._last_success:
            yield LAST_SUCCESS.sample(self._last_success[name], name)


def _attempt(collector: Collector, paths: Paths) -> Outcome:
    started = time.monotonic()
    samples: tuple[Sample, ...] = ()
    trouble, absent = "", False
    try:
        samples = tuple(collector.collect(paths))
    except NoData as reason:
        _log.debug("%s: no data: %s", type(collector).__name__, reason)
        absent = True
    except Exception as error:  # noqa: BLE001 -- the fence: one bad source must not cost the page
        trouble = f"{type(error).__name__}: {error}"
    return Outcome(samples, time.monotonic() - started, trouble, absent)


def _run(
    collector: Collector,
    paths: Paths,
    landed: "asyncio.Future[Outcome]",
    loop: asyncio.AbstractEventLoop,
) -> None:
    outcome = _attempt(collector, paths)
    with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
        loop.call_soon_threadsafe(landed.set_result, outcome)


async def _landing(flight: _Flight, due: float) -> Outcome:
    """Wait for the flight until `due` on the monotonic clock."""
    await asyncio.wait({flight.landed}, timeout=max(0.0, due - time.monotonic()))
    if flight.landed.done():
        return flight.landed.result()
    seconds = time.monotonic() - flight.started
    return Outcome((), seconds, trouble="late: not done by its deadline")


def _log_change(name: str, before: str, outcome: Outcome) -> None:
    if outcome.trouble and not before:
        _log.warning("collector %s failed: %s", name, outcome.trouble)
    elif before and not outcome.trouble:
        _log.info("collector %s works again", name)
