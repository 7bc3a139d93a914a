"""How good alerts are, of all that the store remembers of some time; looked up now and then."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from receiver.incidents.probing import Probe
from receiver.incidents.quality import Quality, assess
from receiver.incidents.spells import Spell, sorted_by_rule
from receiver.model import Labels
from receiver.store.store import Store
from receiver.store.verdicts import Judged

USUAL = timedelta(days=30)
_FRESH = timedelta(minutes=1)
"""For so long an answer is good: it goes through all incidents of the time."""
_LABEL = re.compile(r"(?:^| )([a-zA-Z_]\w*)=")


@dataclass(frozen=True, slots=True)
class _Told:
    at: datetime
    rules: list[Quality]
    spells: dict[str, list[Spell]]


@dataclass(slots=True)
class Grading:
    """Asks the store, and remembers the last answer for a time; a `probe` asks Prometheus too."""

    store: Store
    probe: Probe | None = None
    _told: dict[timedelta, _Told] = field(default_factory=dict)

    async def rules(self, now: datetime, last: timedelta = USUAL) -> list[Quality]:
        """Return each rule of some time, the noisiest first; raises StoreUnavailableError."""
        return (await self._look(now, last)).rules

    async def advised(self, now: datetime, last: timedelta = USUAL) -> list[Quality]:
        """Return the same with what Prometheus' values propose, as far as they are known in time.

        Raises StoreUnavailableError.
        """
        told = await self._look(now, last)
        if self.probe is None:
            return told.rules
        return await self.probe.add(told.rules, told.spells, now)

    async def _look(self, now: datetime, last: timedelta) -> _Told:
        told = self._told.get(last)
        if told is None or not timedelta() <= now - told.at < _FRESH:
            judged = await self.store.verdicts.judged(now - last)
            missed = await self.store.verdicts.missed(now - last)
            told = await asyncio.to_thread(_assess, now, judged, missed)
            self._told = {last: told}
        return told

    def forget(self) -> None:
        """Ask anew: somebody has said something."""
        self._told.clear()


def _assess(now: datetime, judged: Sequence[Judged], missed: Sequence[str]) -> _Told:
    """Go through all of them, apart from the event loop: a webhook would wait for it."""
    spells = [_spell(each) for each in judged]
    return _Told(now, assess(spells, missed), sorted_by_rule(spells))


def _spell(each: Judged) -> Spell:
    life = (each.opened_at, each.resolved_at, each.taken, each.verdict, each.rests)
    return Spell(each.rule, each.group, *life, labels_in(each.about))


@lru_cache(maxsize=4_096)  # the groups of a rule say the same each time
def labels_in(about: str) -> Labels:
    """Read `name=value name=value`, in which a value may have blanks."""
    found = list(_LABEL.finditer(about))
    ends = [*(each.start() for each in found), len(about)][1:]
    return {each[1]: about[each.end() : end] for each, end in zip(found, ends, strict=True)}
