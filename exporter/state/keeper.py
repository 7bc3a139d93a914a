"""Saves what was learned of the series on schedule and at the end, and brings it back."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any, Protocol

import numpy as np

from exporter.model import Metric, Sample
from exporter.signals.slots import Held, Slots
from exporter.state.folder import Folder, Replacement, set_aside
from exporter.state.format import Arrays, Head, Part, Rows, UnusableError, Writer, read

SAVES = Metric("tocsin_state_saves_total", "Times that what was learned was saved.", "counter")
FAILURES = Metric("tocsin_state_save_failures_total", "Times that this failed.", "counter")
LAST_SAVE = Metric(
    "tocsin_state_last_save_timestamp_seconds",
    "When what was learned was last saved, in seconds since 1970.",
)
DURATION = Metric("tocsin_state_save_duration_seconds", "How long the latest save took.")
SIZE = Metric("tocsin_state_size_bytes", "How long the saved file is.")
PERIOD = Metric("tocsin_state_save_period_seconds", "Every how many seconds it is saved.")
RESTORED = Metric("tocsin_state_restored_series", "Series that were known again at the start.")
SET_ASIDE = Metric(
    "tocsin_state_set_aside_total",
    "Saved files that this process could not use and set aside, by reason.",
    "counter",
    labels=("reason",),
)
REASONS = ("damaged", "layout", "unreadable", "version")

_FILE = "learned"
_PACE = 512_000.0
"""Bytes a second that saving writes on average, so that a large state does not wear a disk out."""
_LARGEST = 1 << 30
"""Bytes of arrays that are saved; of more, the series that were there last."""
_BATCH = 2048
"""Series that are copied at a time, in some milliseconds, between which others get their turn."""

_log = logging.getLogger(__name__)


class Learning(Protocol):
    """What keeps the state of series in arrays whose last axis is the row."""

    @property
    def layout(self) -> str:
        """What the arrays mean; another one for any other meaning."""
        ...

    def arrays(self) -> Arrays:
        """Return the live arrays by name."""
        ...


class Learned(Protocol):
    """What learns of something else than series, and can say what and take it up again."""

    def export(self) -> tuple[Arrays, Mapping[str, Any]]:
        """Return copies of what was learned: arrays, and what JSON can hold."""
        ...

    def restore(self, arrays: Arrays, meta: Mapping[str, Any], now: float) -> None:
        """Take it up at `now`, in seconds since 1970; raises ValueError where it does not fit."""
        ...


class Keeper:
    """Keeps the state of one exporter in a folder; whatever fails there, scoring goes on."""

    def __init__(
        self,
        folder: Folder,
        slots: Slots,
        learning: Learning,
        others: Mapping[str, Learned] | None = None,
    ) -> None:
        self._folder = folder
        self._file = folder.path / _FILE
        self._slots = slots
        self._learning = learning
        self._others = others or {}
        self._saving = asyncio.Lock()
        self._started = -np.inf
        self._period = 0.0
        self.trouble = ""
        """Why the latest save failed, or cannot succeed; empty where all is well."""
        self._set_aside = dict.fromkeys(REASONS, 0)
        self._samples: dict[Metric, float] = dict.fromkeys((SAVES, FAILURES, RESTORED, SIZE), 0.0)

    def restore(self) -> None:
        """Bring back what fits of the saved file, before the first tick."""
        try:
            self._folder.take()
        except OSError as error:  # no fault of the file, which another may be using
            self._say_trouble(str(error))
            return
        try:
            with self._file.open("rb") as file:
                for record in read(file, self._check):
                    self._put(record)
        except FileNotFoundError:
            _log.debug("nothing learned is kept in %s yet", self._folder.path)
        except UnusableError as error:
            self._give_up(error.reason, str(error))
        except OSError as error:
            self._give_up("unreadable", f"it cannot be read: {error.strerror}")
        else:
            _log.info("%d series are known again from %s", self._samples[RESTORED], self._file)

    def due(self, interval: float) -> bool:
        """Whether a save may begin now, with a tick just done and the next an interval away."""
        self._say_period(max(interval, self._samples[SIZE] / _PACE))
        return monotonic() - self._started >= self._period - interval / 2

    async def save(self) -> None:
        """Save all series; where that fails, count it, and say so once."""
        async with self._saving:
            self._started = monotonic()
            try:
                size = await self._write()
            except OSError as error:
                self._samples[FAILURES] += 1
                self._say_trouble(str(error))
                return
            self._samples[SAVES] += 1
            self._samples[SIZE] = size
            self._samples[LAST_SAVE] = time.time()
            self._samples[DURATION] = monotonic() - self._started
            self._say_trouble("")

    async def settle(self) -> None:
        """Wait for a save that is under way: its thread cannot be stopped half way."""
        async with self._saving:
            pass

    def samples(self) -> Iterator[Sample]:
        """Yield how saving goes."""
        for metric, value in self._samples.items():
            yield metric.sample(value)
        if self._period:
            yield PERIOD.sample(self._period)
        for reason, count in self._set_aside.items():
            yield SET_ASIDE.sample(float(count), reason)

    async def _write(self) -> int:
        """Copy between ticks, since a row must be of one moment; write in a thread."""
        await asyncio.to_thread(self._folder.take)
        head = Head.of(self._learning.layout, self._learning.arrays())
        held = self._newest(head)
        replacement = await asyncio.to_thread(Replacement, self._file)
        try:
            writer = Writer(replacement.file, head)
            for start in range(0, len(held.keys), _BATCH):
                rows = self._copy(held.part(start, start + _BATCH))
                await asyncio.to_thread(writer.rows, rows)
            for name, other in self._others.items():
                await asyncio.to_thread(writer.part, Part(name, *other.export()))
            await asyncio.to_thread(writer.finish)
            await asyncio.to_thread(replacement.commit)
        finally:
            replacement.close()
        return writer.size

    def _newest(self, head: Head) -> Held:
        held = self._slots.held(monotonic())
        beyond = len(held.keys) - _LARGEST // max(head.row_size, 1)
        if beyond <= 0:
            return held
        _log.warning("%d series are not saved: more than %d bytes", beyond, _LARGEST)
        return held.part(beyond, None)

    def _copy(self, held: Held) -> Rows:
        """Copy the rows of series that are still where they were when the save began."""
        still = held.rows == np.array([self._slots.row(key) for key in held.keys], np.intp)
        rows = held.rows[still]
        keys = tuple(key for key, one in zip(held.keys, still, strict=True) if one)
        arrays = {name: array[..., rows] for name, array in self._learning.arrays().items()}
        return Rows(keys, tuple((time.time() - held.away[still]).tolist()), arrays)

    def _check(self, head: Head) -> None:
        mine = Head.of(self._learning.layout, self._learning.arrays())
        if not mine.takes(head):
            raise UnusableError(
                "layout", f"it was learned by {head.layout}, and {mine.layout} is here"
            )

    def _put(self, record: Rows | Part) -> None:
        if isinstance(record, Rows):
            self._samples[RESTORED] += self._put_rows(record)
            return
        try:
            self._others[record.name].restore(record.arrays, record.meta, time.time())
        except (KeyError, ValueError) as error:
            _log.warning("what was learned of %s does not fit: %s", record.name, error)

    def _put_rows(self, rows: Rows) -> int:
        away = time.time() - np.array(rows.seen)
        given = self._slots.restore(rows.keys, away, monotonic())
        found = given >= 0
        live = self._learning.arrays()
        for name, saved in rows.arrays.items():
            live[name][..., given[found]] = saved[..., found]
        return int(np.count_nonzero(found))

    def _give_up(self, reason: str, why: str) -> None:
        self._set_aside[reason] += 1
        try:
            aside = set_aside(self._file)
        except OSError as error:
            _log.error("%s is not used, %s; nor set aside: %s", self._file, why, error.strerror)
        else:
            _log.warning("%s is not used, %s; set aside as %s", self._file, why, aside.name)

    def _say_period(self, period: float) -> None:
        """Say the period at first, and where it has become another one by half."""
        if not self._period / 1.5 <= period <= self._period * 1.5:
            _log.info("what is learned is saved in %s every %.0f s", self._folder.path, period)
        self._period = period

    def _say_trouble(self, trouble: str) -> None:
        if trouble and not self.trouble:
            _log.error("what was learned is not saved: %s", trouble)
        elif self.trouble and not trouble:
            _log.info("what was learned is saved again")
        self.trouble = trouble
