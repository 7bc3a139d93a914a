"""How good a rule's alerts are, by what people said and did, and what would make it better (pure).

A proposal says what it would have changed over the incidents that there were; it never hides one
that somebody called useful, or took.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from statistics import median

from receiver.incidents import merging
from receiver.incidents.spells import FEWEST, SHARE, Proposal, Setting, Spell, best, sorted_by_rule

BRIEF = timedelta(minutes=5)
"""What is over within it, and nobody took, may have been noise."""
_WAITS = tuple(timedelta(minutes=m) for m in (1, 2, 5, 10, 15, 30))
_HOLDS = tuple(timedelta(minutes=m) for m in (5, 10, 15, 30, 60))
_NEARLY = 0.8
"""Of the most that any would spare: the shortest that spares so many is proposed."""


@dataclass(frozen=True, slots=True)
class Quality:
    """A rule in numbers; a ratio is None where nobody said anything.

    `precision` is the share of useful and late ones in what was judged, `noise` that of noise;
    `brief` counts what was over soon and nobody took.
    """

    rule: str
    incidents: int
    useful: int
    noise: int
    late: int
    missed: int
    taken: int
    brief: int
    lasted: timedelta | None
    proposals: tuple[Proposal, ...] = ()

    @property
    def proposal(self) -> Proposal | None:
        """What would spare most."""
        return self.proposals[0] if self.proposals else None

    @property
    def verdicts(self) -> dict[str, int]:
        """How often people said what."""
        said = {"useful": self.useful, "noise": self.noise, "late": self.late}
        return said | {"missed": self.missed}

    @property
    def judged(self) -> bool:
        """Whether anybody said anything."""
        return any(self.verdicts.values())

    @property
    def precision(self) -> float | None:
        """The share of what people wanted in what they judged."""
        judged = self.useful + self.noise + self.late
        return (self.useful + self.late) / judged if judged else None

    @property
    def noise_ratio(self) -> float | None:
        """The share of noise in what people judged."""
        precision = self.precision
        return None if precision is None else 1 - precision


def assess(spells: Iterable[Spell], missed: Iterable[str]) -> list[Quality]:
    """Say how good each rule is, the noisiest first; `missed` names one for each alert missed."""
    absent, by_rule = Counter(missed), sorted_by_rule(spells)
    merges = merging.propose(by_rule)
    every = [
        _assess(rule, by_rule.get(rule, []), absent[rule], merges.get(rule))
        for rule in dict.fromkeys([*by_rule, *absent])
    ]
    return sorted(every, key=lambda q: (-(q.noise + q.brief), -q.incidents, q.rule))


def _assess(rule: str, spells: Sequence[Spell], missed: int, merge: Proposal | None) -> Quality:
    said = [spell.verdict for spell in spells]
    lasted = [spell.lasted.total_seconds() for spell in spells if spell.lasted is not None]
    return Quality(
        rule,
        len(spells),
        said.count("useful"),
        said.count("noise"),
        said.count("late"),
        missed,
        sum(spell.taken for spell in spells),
        sum(_is_over_within(spell, BRIEF) and not spell.wanted for spell in spells),
        timedelta(seconds=median(lasted)) if lasted else None,
        best((*propose(spells), merge)),
    )


def propose(spells: Sequence[Spell]) -> tuple[Proposal, ...]:
    """Return the changes of time that are worth it, first what would have spared most."""
    return best((_longer_for(spells), _longer_firing(spells)))


def _longer_for(spells: Sequence[Spell]) -> Proposal | None:
    """Let the rule wait longer: what is over before is not told, unless somebody wanted it."""
    lasted = [
        (end - begin, spell.wanted)
        for spell in spells
        for begin, end in spell.stretches
        if end is not None and end - begin <= _WAITS[-1]
    ]
    needed = min((lasting for lasting, wanted in lasted if wanted), default=timedelta.max)
    spared = {
        wait: sum(lasting <= wait for lasting, _ in lasted) if wait < needed else 0
        for wait in _WAITS
    }
    return _shortest("for", spells, spared)


def _longer_firing(spells: Sequence[Spell]) -> Proposal | None:
    """Let the rule fire on for a while: what comes back within it is the same incident."""
    gaps = list(_gaps(spells))
    merged = {hold: sum(gap <= hold for gap in gaps) for hold in _HOLDS}
    return _shortest("keep_firing_for", spells, merged)


def _gaps(spells: Sequence[Spell]) -> Iterator[timedelta]:
    """Yield how long a group was quiet before it fired again."""
    ordered = sorted(spells, key=lambda spell: (spell.group, spell.opened_at))
    for before, after in pairwise(ordered):
        if before.group == after.group and before.resolved_at is not None:
            yield after.opened_at - before.resolved_at
    yield from (again - over for spell in ordered for over, again in spell.rests)


def _shortest(
    setting: Setting, spells: Sequence[Spell], spared: dict[timedelta, int]
) -> Proposal | None:
    most = max(spared.values())
    openings = len(spells) + sum(len(spell.rests) for spell in spells)
    if most < max(FEWEST, SHARE * openings):
        return None
    value = next(value for value, count in spared.items() if count >= _NEARLY * most)
    return Proposal(setting, value, spared[value], openings)


def _is_over_within(spell: Spell, time: timedelta) -> bool:
    return spell.lasted is not None and spell.lasted <= time
