"""Incidents as far as it matters how good a rule is, and what could be changed of one."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from receiver.model import Labels

Setting = Literal["for", "keep_firing_for", "threshold", "merge"]
FEWEST = 3
SHARE = 0.3
"""Of the times that a rule's incidents opened: what would spare fewer is no proposal."""


@dataclass(frozen=True, slots=True)
class Spell:
    """One incident of a rule in a group; `verdict` is what people said of it, or empty.

    In its `rests` it was over until it was opened again; `labels` are those that all of its alerts
    had when it began, as far as is known.
    """

    rule: str
    group: str
    opened_at: datetime
    resolved_at: datetime | None = None
    taken: bool = False
    verdict: str = ""
    rests: tuple[tuple[datetime, datetime], ...] = ()
    labels: Labels = field(default_factory=dict)

    @property
    def wanted(self) -> bool:
        """Whether somebody was glad of it, as far as can be told."""
        return self.verdict in {"useful", "late"} or (self.taken and self.verdict != "noise")

    @property
    def lasted(self) -> timedelta | None:
        """How long it fired; None while it does."""
        if self.resolved_at is None:
            return None
        if not self.rests:
            return self.resolved_at - self.opened_at
        rested = sum((again - over for over, again in self.rests), timedelta())
        return self.resolved_at - self.opened_at - rested

    @property
    def stretches(self) -> list[tuple[datetime, datetime | None]]:
        """From when to when it fired, each time."""
        if not self.rests:
            return [(self.opened_at, self.resolved_at)]
        begins = [self.opened_at, *(again for _, again in self.rests)]
        ends = [*(over for over, _ in self.rests), self.resolved_at]
        return [*zip(begins, ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of a rule's `setting`: another span of time, or `limit` in place of `was`.

    Or a `merge` with the rule that is the value. It would have `spared` some of the times that its
    incidents opened, also again.
    """

    setting: Setting
    value: timedelta | float | str
    spared: int
    openings: int
    was: float | None = None


def best(proposals: Iterable[Proposal | None]) -> tuple[Proposal, ...]:
    """Return those that there are, first what would have spared most."""
    found = (each for each in proposals if each is not None)
    return tuple(sorted(found, key=lambda each: -each.spared))


def sorted_by_rule(spells: Iterable[Spell]) -> dict[str, list[Spell]]:
    """Put the spells of each rule together."""
    by_rule: defaultdict[str, list[Spell]] = defaultdict(list)
    for spell in spells:
        by_rule[spell.rule].append(spell)
    return {rule: by_rule[rule] for rule in sorted(by_rule)}
