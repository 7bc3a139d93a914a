"""Asks Prometheus how high the values of judged incidents were, for a better limit of their rule.

Only what people judged or took is asked about, the newest of it, and that now and then.
"""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from aiohttp import ClientSession

from receiver.incidents.quality import Quality
from receiver.incidents.spells import FEWEST, Proposal, Spell, best
from receiver.incidents.thresholds import GRACE, Level, level_of, propose
from receiver.upstream.asking import AskError
from receiver.upstream.expression import Condition, conditions
from receiver.upstream.prometheus import Prometheus, ask_range
from receiver.upstream.ruling import Ruled, ask_groups

_LOG = logging.getLogger(__name__)

_SIGNS = {">": 1, ">=": 1, "<": -1, "<=": -1}
_MOST_RULES = 10
_MOST_NOISE, _MOST_ASKED = 40, 200
_PATIENCE = 10.0
"""Seconds for all of it; what is not known by then is not proposed."""
_FRESH = timedelta(minutes=30)
_POINTS, _LEAST = 500, 5.0
"""Points of a series at most, and seconds from one to the next at least."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """A rule that has one limit: what it compares, how, with which number."""

    rule: Ruled
    condition: Condition
    number: float
    sign: int


@dataclass(slots=True)
class Probe:
    """Remembers for a time what it found."""

    http: ClientSession
    told: Prometheus
    _found: dict[str, Proposal] = field(default_factory=dict)
    _key: list[tuple[str, datetime, str]] = field(default_factory=list)
    _until: datetime | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def add(
        self, rules: Sequence[Quality], spells: Mapping[str, Sequence[Spell]], now: datetime
    ) -> list[Quality]:
        """Add another limit to the proposals for the noisy rules of which one would help."""
        noisy = [each.rule for each in rules if each.noise >= FEWEST][:_MOST_RULES]
        if not noisy:
            return list(rules)
        async with self._asking:
            key = [(each.rule, each.opened_at, each.verdict) for each in _asked(spells, noisy)]
            if self._until is None or key != self._key or not now < self._until:
                self._found = await self._ask({name: spells[name] for name in noisy})
                self._key, self._until = key, now + _FRESH
            found = dict(self._found)
        return [_with(each, found.get(each.rule)) for each in rules]

    async def _ask(self, noisy: Mapping[str, Sequence[Spell]]) -> dict[str, Proposal]:
        found: dict[str, Proposal] = {}
        try:
            async with asyncio.timeout(_PATIENCE):
                limits = _limits(await self._rules(), noisy)
                for name, limit in limits.items():
                    if proposal := await self._propose(limit, noisy[name]):
                        found[name] = proposal
        except (AskError, TimeoutError) as error:
            _LOG.warning("no other limits are proposed: %s", error or "too slow")
        return found

    async def _rules(self) -> list[Ruled]:
        groups = await ask_groups(self.http, self.told)
        return [rule for group in groups for rule in group.rules if rule.kind == "alerting"]

    async def _propose(self, limit: _Limit, spells: Sequence[Spell]) -> Proposal | None:
        asked = _judged(spells)
        if len(asked) > _MOST_ASKED:
            return None
        levels = [await self._level(limit, spell) for spell in asked]
        openings = sum(len(spell.stretches) for spell in spells)
        return propose(levels, limit.number, limit.sign, openings)

    async def _level(self, limit: _Limit, spell: Spell) -> Level:
        lasting = limit.rule.lasting
        told = spell.opened_at.timestamp()
        begin = told - lasting - GRACE
        end = told if spell.wanted or spell.resolved_at is None else spell.resolved_at.timestamp()
        step = max(_LEAST, (end - begin) / _POINTS)
        found = await ask_range(self.http, self.told, limit.condition.value, begin, end, step)
        return level_of(spell, found, limit.number, lasting, limit.sign)


def _asked(spells: Mapping[str, Sequence[Spell]], noisy: Iterable[str]) -> Iterator[Spell]:
    for name in noisy:
        yield from _judged(spells[name])


def _judged(spells: Sequence[Spell]) -> list[Spell]:
    """Return what people wanted, all of it, and the newest of what they did not."""
    wanted = [spell for spell in spells if spell.wanted]
    noise = [spell for spell in spells if spell.verdict == "noise"]
    noise.sort(key=lambda spell: spell.opened_at)
    return [*wanted, *noise[-_MOST_NOISE:]]


def _limits(rules: Sequence[Ruled], names: Mapping[str, object]) -> dict[str, _Limit]:
    """Return the rules that there is one of, with one limit."""
    found: dict[str, _Limit] = {}
    for name in names:
        alike = [rule for rule in rules if rule.name == name]
        watched = conditions(alike[0].query) if len(alike) == 1 else ()
        if len(watched) == 1 and watched[0].limit is not None and watched[0].operator in _SIGNS:
            (condition,) = watched
            sign = _SIGNS[condition.operator]
            found[name] = _Limit(alike[0], condition, float(watched[0].limit), sign)
    return found


def _with(rule: Quality, proposal: Proposal | None) -> Quality:
    if proposal is None:
        return rule
    return replace(rule, proposals=best((*rule.proposals, proposal)))
