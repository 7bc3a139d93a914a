"""Which series belong to which group."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from exporter.collectors.patterns import EVERYTHING, PatternList
from exporter.model import LeftOut, SeriesKey
from exporter.settings import Section

MOST_GROUPS = 1000
MOST_MEMBERS = 64
SKIP_REASONS = ("group_limit", "group_member_limit")
_FORGET_AFTER = 86_400.0
"""Seconds after which a member that is gone is forgotten."""
_LOOK_EVERY = 3600.0


class GroupRule(Section):
    """Makes a group of the matching signals for each set of values of the labels in `by`."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_]*$")] = ""
    by: tuple[Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")], ...] = ()
    signals: PatternList = EVERYTHING
    limit: Annotated[int, Field(ge=2, le=MOST_MEMBERS)] = 32

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.name and not self.by:
            raise ValueError("give it a name, or the labels that make a group in `by`")
        return self

    def takes(self, signal: str) -> bool:
        """Whether a signal of this name may be a member."""
        return self.signals.match(signal)

    def takes_any(self, signals: Collection[str], keys: Iterable[SeriesKey]) -> bool:
        """Whether one of these series, whose signals have these names, is a member."""
        names = {signal for signal in signals if self.takes(signal)}
        return any(key.signal in names and self.group_of(key) is not None for key in keys)

    def group_of(self, key: SeriesKey) -> str | None:
        """Return the group's name, e.g. `host` or `service=checkout`; None without the labels."""
        if not self.by:
            return self.name
        labels = dict(key.labels)
        if not all(labels.get(label) for label in self.by):
            return None
        values = ",".join(f"{label}={labels[label]}" for label in self.by)
        return f"{self.name}:{values}" if self.name else values


@dataclass(frozen=True, slots=True)
class Group:
    """A group and its members; those away for less than a day are members too."""

    name: str
    members: tuple[SeriesKey, ...]


class Roster:
    """Keeps the members of each group; who is away for a day loses the place, or for want of it."""

    def __init__(self, rules: Iterable[GroupRule]) -> None:
        self._rules = tuple(rules)
        self.skipped = dict.fromkeys(SKIP_REASONS, 0)
        """How many series were left out so far, counted again at every tick, by reason."""
        self.groups: tuple[Group, ...] = ()
        self._seen: dict[str, dict[SeriesKey, float]] = {}
        self._keys: tuple[SeriesKey, ...] | None = None
        self._due = 0.0
        self._left_out: dict[str, Counter[str]] = {}

    @property
    def left_out(self) -> LeftOut:
        """How many series of each signal are in a group too few, by reason."""
        return self._left_out

    @property
    def rules(self) -> tuple[GroupRule, ...]:
        """The rules in force; members that new ones still take keep what was learned of them."""
        return self._rules

    @rules.setter
    def rules(self, rules: tuple[GroupRule, ...]) -> None:
        self._rules = rules
        self._keep(self._seen)

    def restore(self, groups: Iterable[Group], now: float) -> None:
        """Take up groups that an earlier process had, as if all were last seen now."""
        self._keep({one.name: dict.fromkeys(one.members, now) for one in groups})

    def _keep(self, seen: Mapping[str, Mapping[SeriesKey, float]]) -> None:
        """Take up what the rules want of these groups, to be sorted anew."""
        kept = {
            name: {key: at for key, at in members.items() if self._wants(name, key)}
            for name, members in seen.items()
        }
        self._seen = {name: members for name, members in kept.items() if members}
        self.groups = tuple(Group(name, tuple(members)) for name, members in self._seen.items())
        self._keys = None

    def _wants(self, name: str, key: SeriesKey) -> bool:
        return any(rule.takes(key.signal) and rule.group_of(key) == name for rule in self._rules)

    def update(self, keys: tuple[SeriesKey, ...], now: float) -> tuple[Group, ...]:
        """Return the groups of these series at `now`, in seconds: the same tuple if unchanged."""
        if keys is not self._keys or now >= self._due:
            self._keys, self._due = keys, now + _LOOK_EVERY
            self._left_out = {}
            self._regroup(self._sorted(keys), now)
        for reasons in self._left_out.values():
            for reason, count in reasons.items():
                self.skipped[reason] += count
        return self.groups

    def _sorted(self, keys: tuple[SeriesKey, ...]) -> dict[str, tuple[int, list[SeriesKey]]]:
        """Put each series to the groups that want it; returns limit and series of each."""
        found: dict[str, tuple[int, list[SeriesKey]]] = {}
        for rule in self._rules:
            takes = {signal: rule.takes(signal) for signal in {key.signal for key in keys}}
            for key in keys:
                name = rule.group_of(key) if takes[key.signal] else None
                if name is not None:
                    found.setdefault(name, (rule.limit, []))[1].append(key)
        return found

    def _regroup(self, found: Mapping[str, tuple[int, list[SeriesKey]]], now: float) -> None:
        seen: dict[str, dict[SeriesKey, float]] = {}
        for name in (*(known for known in self._seen if known in found), *found, *self._seen):
            limit, present = found.get(name, (len(self._seen.get(name, ())), []))
            if name in seen or not (present or self._lasts(name, now)):
                continue
            if len(seen) >= MOST_GROUPS:
                self._leave_out("group_limit", present)
                continue
            seen[name] = self._members(name, present, limit, now)
        self._seen = seen
        groups = tuple(Group(name, tuple(members)) for name, members in seen.items())
        self.groups = self.groups if groups == self.groups else groups

    def _lasts(self, name: str, now: float) -> bool:
        """Whether a group that nobody is in now is waited for."""
        return any(now - at <= _FORGET_AFTER for at in self._seen[name].values())

    def _members(
        self, name: str, present: list[SeriesKey], limit: int, now: float
    ) -> dict[SeriesKey, float]:
        """Keep those who were there first; those who are away make room."""
        old = self._seen.get(name, {})
        here = dict.fromkeys(present, now)
        stay = [key for key in old if key in here]
        away = {k: at for k, at in old.items() if k not in here and now - at <= _FORGET_AFTER}
        latest_first = sorted(away, key=away.__getitem__, reverse=True)
        order = dict.fromkeys((*stay, *present, *latest_first))
        chosen = dict.fromkeys(tuple(order)[:limit])
        self._leave_out("group_member_limit", here.keys() - chosen.keys())
        in_old_order = (*(key for key in old if key in chosen), *chosen)
        return {key: here.get(key, away.get(key, now)) for key in in_old_order}

    def _leave_out(self, reason: str, keys: Iterable[SeriesKey]) -> None:
        for key in keys:
            self._left_out.setdefault(key.signal, Counter())[reason] += 1
