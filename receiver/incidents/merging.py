"""Which rules fire together, so that one incident could tell of both (pure).

Merging hides nothing: both alerts are told, in one incident instead of two.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice

from receiver.incidents.spells import FEWEST, Proposal, Spell

TOGETHER = timedelta(minutes=5)
"""Incidents of one place that begin within it began together."""
MOSTLY = 0.8
"""Of a rule's incidents; where fewer begin together with the other's, both have a say."""
_PLACES = ("instance", "host", "node", "pod", "service", "job")
_NEAREST = 50
"""Incidents after one that are compared with it: in a storm everything begins together."""


def propose(by_rule: Mapping[str, Sequence[Spell]]) -> dict[str, Proposal]:
    """Return for each rule that mostly fires with another one which that is."""
    pairs = _pairs(spell for spells in by_rule.values() for spell in spells)
    found: dict[str, Proposal] = {}
    for (rule, other), count in sorted(pairs.items(), key=lambda each: (-each[1], each[0])):
        often = _is_mostly(count, by_rule[rule])
        back = _is_mostly(pairs[other, rule], by_rule[other])
        if often and rule not in found and (not back or (rule > other and other not in found)):
            openings = sum(len(spell.stretches) for spell in by_rule[rule])
            found[rule] = Proposal("merge", other, count, openings)
    return found


def _is_mostly(count: int, spells: Sequence[Spell]) -> bool:
    return count >= max(FEWEST, MOSTLY * len(spells))


def _pairs(spells: Iterator[Spell]) -> Counter[tuple[str, str]]:
    """Count how many incidents of a first rule began together with as many of a second."""
    met = {
        (mine.rule, theirs.rule, mine.group, mine.opened_at)
        for one, other in _neighbours(spells)
        for mine, theirs in ((one, other), (other, one))
    }
    counts = Counter((rule, other) for rule, other, *_ in met)
    return Counter({(a, b): min(count, counts[b, a]) for (a, b), count in counts.items()})


def _neighbours(spells: Iterator[Spell]) -> Iterator[tuple[Spell, Spell]]:
    """Yield incidents of different rules that began in one place at about one time."""
    there: defaultdict[str, list[Spell]] = defaultdict(list)
    for spell in spells:
        if place := place_of(spell):
            there[place].append(spell)
    for each in there.values():
        each.sort(key=lambda spell: spell.opened_at)
        for index, spell in enumerate(each):
            for after in islice(each, index + 1, index + 1 + _NEAREST):
                if after.opened_at - spell.opened_at > TOGETHER:
                    break
                if after.rule != spell.rule:
                    yield spell, after


def place_of(spell: Spell) -> str:
    """Return what all alerts of an incident are about, such as `instance=web1`; or nothing."""
    named = (f"{name}={spell.labels[name]}" for name in _PLACES if spell.labels.get(name))
    return next(named, "")
