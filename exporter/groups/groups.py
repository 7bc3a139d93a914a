"""Groups of signals that are judged as one: which there are, and how each of them is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporter.groups import distance
from exporter.groups.alarm import ALARMS, Alarm, Change
from exporter.groups.bank import CHANNELS, SHARE, Bank, Measured
from exporter.groups.roster import MOST_MEMBERS, Group, GroupRule, Roster
from exporter.model import BoolArray, FloatArray, LeftOut, SeriesKey

_WIDTHS = (8, 16, 32, MOST_MEMBERS)
FORMAT = 1
_KEEPS = 0.7
"""What keeps an alarm up: a mean that lingers at its line is one alarm, not many."""
_TELLING = 0.5
"""From which score on it is told what each member gave to it."""
_SHOWN = 10
"""Of how many members, the loudest first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the configuration says: how long an alarm outlasts its cause, and how many there are."""

    hold: float = 300.0
    alarms_a_week: float = 1.0


@dataclass(frozen=True, slots=True)
class State:
    """How a group is. Scores are NaN where silent, alarms before the first score."""

    group: Group
    present: int
    score: float
    change_score: float
    alarms: float
    active: bool
    contributions: tuple[tuple[SeriesKey, float], ...]
    """The loudest members, with their parts of the distance; empty while it is ordinary."""
    change: Change | None
    latest_alarm: Alarm | None
    """None before the first."""


_ALARMS = 3
"""Rows: how many so far, when a score last kept one up, and whether one is kept up now."""


class _Shelf:
    """Groups of one width: their bank, their alarms, and where their members stand in a block."""

    def __init__(self, groups: tuple[Group, ...], width: int) -> None:
        self.groups = groups
        self.bank = Bank(len(groups), width)
        self.alarms = np.full((_ALARMS, len(groups)), np.nan)
        self.places = np.full((len(groups), width), -1, np.intp)
        self.scores = np.full((len(CHANNELS), len(groups)), np.nan)
        self.pair = np.zeros(len(groups), np.intp)
        self.latest: list[Alarm | None] = [None] * len(groups)


class Groups:
    """Learns how the members of each group go together, value by value."""

    def __init__(self, rules: tuple[GroupRule, ...]) -> None:
        self.roster = Roster(rules)
        self._groups: tuple[Group, ...] = ()
        self._keys: tuple[SeriesKey, ...] | None = None
        self._shelves: dict[int, _Shelf] = {}
        self._now = -np.inf
        self._hold = 0.0

    @property
    def skipped(self) -> Mapping[str, int]:
        """How many series were left out so far, counted again at every tick, by reason."""
        return self.roster.skipped

    @property
    def left_out(self) -> LeftOut:
        """How many series of each signal are in a group too few, by reason."""
        return self.roster.left_out

    def update(
        self,
        keys: tuple[SeriesKey, ...],
        innovations: FloatArray,
        now: float,
        terms: Terms,
    ) -> None:
        """Judge all groups by the innovations (series,) of one tick at `now`; NaN is missing."""
        groups = self.roster.update(keys, now)
        if groups is not self._groups or keys is not self._keys:
            self._settle(groups)
            self._find(keys)
        self._now, self._hold = now, terms.hold
        padded = np.append(innovations, np.nan)
        for shelf in self._shelves.values():
            self._judge(shelf, padded[shelf.places], terms)

    def states(self) -> Iterator[State]:
        """Yield how each group is after the latest update."""
        for shelf in self._shelves.values():
            for row in range(len(shelf.groups)):
                yield self._state(shelf, row)

    def state(self, name: str) -> State | None:
        """Return how one group is, None if there is none of this name."""
        for shelf in self._shelves.values():
            for row, group in enumerate(shelf.groups):
                if group.name == name:
                    return self._state(shelf, row)
        return None

    def export(self) -> tuple[dict[str, NDArray[np.generic]], dict[str, Any]]:
        """Return copies of what was learned, and what JSON can hold of whom it was learned."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for width, shelf in self._shelves.items():
            whole = {**shelf.bank.arrays(), "alarms": shelf.alarms}
            arrays |= {f"{width}/{name}": array.copy() for name, array in whole.items()}
        groups = {
            str(width): [[one.name, [list(key) for key in one.members]] for one in shelf.groups]
            for width, shelf in self._shelves.items()
        }
        latest = {
            group.name: alarm
            for shelf in self._shelves.values()
            for group, alarm in zip(shelf.groups, shelf.latest, strict=True)
            if alarm
        }
        return arrays, {
            "format": FORMAT,
            "groups": groups,
            "alarms": ALARMS.dump_python(latest),
        }

    def restore(
        self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any], now: float
    ) -> None:
        """Take up what `export` gave; ValueError if it is another format's or does not fit."""
        if meta.get("format") != FORMAT:
            raise ValueError(f"groups of format {meta.get('format')}, and {FORMAT} is here")
        shelves = {int(width): _read(known, int(width)) for width, known in meta["groups"].items()}
        for width, shelf in shelves.items():
            for name, array in {**shelf.bank.arrays(), "alarms": shelf.alarms}.items():
                saved = arrays[f"{width}/{name}"]
                if saved.shape != array.shape:
                    raise ValueError(f"{name} of groups has {saved.shape}, not {array.shape}")
                array[...] = saved
        latest = ALARMS.validate_python(meta.get("alarms", {}))  # an earlier version has none
        for shelf in shelves.values():
            shelf.latest = [latest.get(group.name) for group in shelf.groups]
        self._shelves = shelves
        self.roster.restore([one for shelf in shelves.values() for one in shelf.groups], now)

    def _settle(self, groups: tuple[Group, ...]) -> None:
        """Put the groups on shelves; what was learned of members that stay goes with them."""
        if groups is self._groups:
            return
        old = {
            group.name: (shelf, row)
            for shelf in self._shelves.values()
            for row, group in enumerate(shelf.groups)
        }
        by_width: dict[int, list[Group]] = {}
        for group in groups:
            width = next(width for width in _WIDTHS if len(group.members) <= width)
            by_width.setdefault(width, []).append(group)
        shelves = {width: _Shelf(tuple(some), width) for width, some in by_width.items()}
        for shelf in shelves.values():
            for row, group in enumerate(shelf.groups):
                if group.name in old:
                    _move(shelf, row, *old[group.name])
        self._shelves, self._groups = shelves, groups

    def _find(self, keys: tuple[SeriesKey, ...]) -> None:
        place = {key: i for i, key in enumerate(keys)}
        for shelf in self._shelves.values():
            for row, group in enumerate(shelf.groups):
                found = [place.get(key, -1) for key in group.members]
                shelf.places[row, : len(found)] = found
        self._keys = keys

    def _judge(self, shelf: _Shelf, innovations: FloatArray, terms: Terms) -> None:
        times = np.full(len(shelf.groups), self._now)
        measured = shelf.bank.update(innovations, times, terms.alarms_a_week)
        shelf.scores, shelf.pair = measured.scores, measured.pair
        loudest = np.fmax.reduce(measured.scores)
        total, above, up = shelf.alarms
        total[np.isfinite(loudest) & np.isnan(total)] = 0
        holding = self._now - above < terms.hold
        lasting = (up > 0) & (loudest >= _KEEPS)
        quiet = ~lasting & ~holding
        raised = quiet & (loudest >= 1)
        total += raised
        loud = lasting | (loudest >= 1)
        above[loud] = self._now
        # A group that has fallen silent keeps its alarm for the hold, and not for ever.
        up[:] = loud | ((up > 0) & np.isnan(loudest) & holding)
        self._explain(shelf, measured, quiet)
        for row in np.nonzero(raised)[0].tolist():
            shelf.latest[row] = self._alarm(shelf, row)

    def _explain(self, shelf: _Shelf, measured: Measured, quiet: BoolArray) -> None:
        """Tell what each member gave; while an alarm lasts, the latest that was above the line."""
        score = np.fmax(*measured.scores[:2])
        shares = shelf.bank.member[SHARE]
        shares[quiet & ~(score >= _TELLING)] = 0
        rows = np.nonzero((score >= 1) | (quiet & (score >= _TELLING)))[0]
        if len(rows):
            shares[rows] = distance.contributions(measured.matrix[rows], measured.points[rows])

    def _alarm(self, shelf: _Shelf, row: int) -> Alarm:
        now = self._state(shelf, row)
        return Alarm(self._now, now.score, now.change_score, now.contributions, now.change)

    def _state(self, shelf: _Shelf, row: int) -> State:
        group = shelf.groups[row]
        total, above, up = shelf.alarms[:, row]
        now, lately, change = map(float, shelf.scores[:, row])
        shares = shelf.bank.member[SHARE, row, : len(group.members)]
        loudest = [int(i) for i in np.argsort(-shares, kind="stable")[:_SHOWN] if shares[i] > 0]
        return State(
            group,
            int(np.count_nonzero(shelf.places[row] >= 0)),
            max(now, lately),
            change,
            float(total),
            bool(self._now - above < self._hold or up > 0),
            tuple((group.members[i], float(shares[i])) for i in loudest),
            None if np.isnan(change) else _change(shelf, row, change),
            shelf.latest[row],
        )


def _change(shelf: _Shelf, row: int, score: float) -> Change:
    first, second = divmod(int(shelf.pair[row]), shelf.bank.width)
    members = shelf.groups[row].members
    usual, lately = shelf.bank.correlations(row, first, second)
    return Change(members[first], members[second], score, usual, lately)


def _move(shelf: _Shelf, row: int, old: _Shelf, old_row: int) -> None:
    before = {key: i for i, key in enumerate(old.groups[old_row].members)}
    after = shelf.groups[row].members
    columns = [(i, before[key]) for i, key in enumerate(after) if key in before]
    shelf.bank.take(row, old.bank, old_row, columns)
    shelf.alarms[:, row] = old.alarms[:, old_row]
    shelf.latest[row] = old.latest[old_row]


def _read(known: list[Any], width: int) -> _Shelf:
    """Read the groups of one width as `export` spells them."""
    groups = [
        Group(name, tuple(SeriesKey(signal, tuple(map(tuple, labels))) for signal, labels in keys))
        for name, keys in known
    ]
    return _Shelf(tuple(groups), width)
