"""What the latest tick found, by series and by signal, and the rings of those before it."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.detectors.scoring import SPEAKERS, Judgement
from exporter.history.alarms import Alarms
from exporter.history.lasting import Lasting
from exporter.history.reasons import Moment
from exporter.history.related import Related, Traces, related
from exporter.history.rings import Rings
from exporter.history.still import Still
from exporter.model import Block, BoolArray, FloatArray, SeriesKey
from exporter.signals.slots import IntArray, Placement

_MOMENT = ("value", "expected", "lower", "upper", "score", "time", "since")


@dataclass(frozen=True, slots=True)
class Alarm:
    """When an alarm was raised, in seconds since 1970, and what was known then."""

    time: float
    moment: Moment


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick: each of `fields` has an array of shape (series,), as the keys and rows have."""

    now: float
    keys: tuple[SeriesKey, ...]
    rows: IntArray
    fields: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Course:
    """The latest ticks of one series, oldest first, and what each field was at them."""

    times: FloatArray
    fields: Mapping[str, FloatArray]


class Record:
    """Remembers for people; nothing is scored from it."""

    def __init__(self, capacity: int) -> None:
        self._rings = Rings(capacity)
        self.alarms = Alarms(capacity)
        self._lasting = Lasting(capacity)
        self._still = Still(capacity)
        self._places: Mapping[str, IntArray] = {}
        self.latest = Tick(math.nan, (), np.zeros(0, np.intp), {})

    def note(
        self,
        place: Placement,
        block: Block,
        judgement: Judgement,
        now: float,
        lasting: BoolArray | None = None,
    ) -> None:
        """Note what one tick found of a block's series; `now` is in seconds since 1970.

        Of `lasting` series, shape (series,), the latest is what they were last, for some minutes.
        """
        for each in (self._rings, self.alarms, self._lasting, self._still):
            each.forget(place.fresh)
        since = self._still.note(place.rows, block.values, block.times)
        fields = {**_fields(block, judgement), "since": since}
        self._rings.note(place.rows, now, fields)
        self.alarms.note(place.rows, now, fields)
        if block.keys is not self.latest.keys:
            self._places = _by_signal(block.keys)
        if lasting is not None and lasting.any():
            fields = self._lasting.fill(place, fields, lasting, now)
        self.latest = Tick(now, block.keys, place.rows, fields)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return what is to be kept over a restart; the last axis of each array is the row."""
        return {**self.alarms.arrays(), **self._still.arrays()}

    def alarm(self, place: int) -> Alarm | None:
        """Return a series' latest alarm, None where it has had none."""
        known = self.alarms.latest(int(self.latest.rows[place]))
        if known is None:
            return None
        time, reason = known
        return Alarm(time, _moment({**reason, "time": time, "active": 1.0}))

    @property
    def places(self) -> Mapping[str, IntArray]:
        """Where in the latest tick the series of each signal stand."""
        return self._places

    def recent(self, place: int) -> Course | None:
        """Return the latest ticks of a series, None where it has no history."""
        row = int(self.latest.rows[place])
        if not self._rings.keeps(row):
            return None
        recent = self._rings.of(row)
        return Course(recent.times, {name: x.astype(float) for name, x in recent.fields.items()})

    def loudest(self, places: IntArray) -> int:
        """Return which of these series had the highest score lately."""
        kept = places[self._kept(places)]
        if not len(kept):
            return int(places[0])
        scores = self._rings.of_all(self.latest.rows[kept], ("score",)).fields["score"]
        return int(kept[np.nan_to_num(scores).max(axis=0, initial=0).argmax()])

    def others(self, place: int) -> "Comparison":
        """Copy what is needed to tell which other series moved along with this one."""
        everyone = np.arange(len(self.latest.keys), dtype=np.intp)
        others = everyone[self._kept(everyone) & (everyone != place)]
        names = ("score", "residual")
        theirs = self._rings.of_all(self.latest.rows[others], names)
        own = self._rings.of(int(self.latest.rows[place]))
        known = len(own.times)  # the same latest ticks of all, should this one be younger
        return Comparison(
            own.times,
            Traces(own.fields["score"], own.fields["residual"]),
            Traces(*(theirs.fields[name][len(theirs.times) - known :] for name in names)),
            others,
        )

    def _kept(self, places: IntArray) -> BoolArray:
        return self._rings.kept(self.latest.rows[places])


@dataclass(frozen=True, slots=True)
class Comparison:
    """A series and all others, as `related` wants them; `places` says where the others stand."""

    times: FloatArray
    target: Traces
    others: Traces
    places: IntArray

    def related(self, most: int) -> list[tuple[int, Related]]:
        """Return the places of those that moved along, and how; takes some milliseconds."""
        found = related(self.times, self.target, self.others, most)
        return [(int(self.places[one.index]), one) for one in found]


def moment(fields: Mapping[str, FloatArray], place: int) -> Moment:
    """Return what was known of one series at one tick."""
    names = (*_MOMENT, "view", "active")
    return _moment({name: float(fields[name][place]) for name in names})


def _moment(known: Mapping[str, float]) -> Moment:
    view = known["view"]
    spoke = SPEAKERS[int(view)] if math.isfinite(view) and view >= 0 else ""
    numbers = {name: known[name] for name in _MOMENT}
    return Moment(**numbers, view=spoke, active=known["active"] == 1)


def _fields(block: Block, judgement: Judgement) -> dict[str, FloatArray]:
    score, verdict = judgement.score, judgement.verdict
    return {
        "value": block.values,
        "time": np.where(np.isnan(block.values), np.nan, block.times),
        "expected": score.expected,
        "lower": score.lower,
        "upper": score.upper,
        "score": verdict.score,
        "residual": score.residual,
        "view": score.view.astype(float),
        "deviation": score.deviation,
        "novelty": score.novelty,
        "active": verdict.active,
        "total": verdict.total,
    }


def _by_signal(keys: tuple[SeriesKey, ...]) -> Mapping[str, IntArray]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key.signal].append(place)
    return {signal: np.array(places[signal], np.intp) for signal in sorted(places)}
