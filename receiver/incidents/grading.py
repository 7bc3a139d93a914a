"""How good alerts are, of all that the store remembers of some time; looked up now and then."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from receiver.incidents.quality import Quality, Spell, assess
from receiver.store.store import Store

USUAL = timedelta(days=30)
_FRESH = timedelta(minutes=1)
"""For so long an answer is good: it goes through all incidents of the time."""


@dataclass(slots=True)
class Grading:
    """Asks the store, and remembers the last answer for a time."""

    store: Store
    _told: dict[timedelta, tuple[datetime, list[Quality]]] = field(default_factory=dict)

    async def rules(self, now: datetime, last: timedelta = USUAL) -> list[Quality]:
        """Return each rule of some time, the noisiest first; raises StoreUnavailableError."""
        at, told = self._told.get(last, (None, []))
        if at is not None and timedelta() <= now - at < _FRESH:
            return told
        judged = await self.store.verdicts.judged(now - last)
        spells = [
            Spell(j.rule, j.group, j.opened_at, j.resolved_at, j.taken, j.verdict, j.rests)
            for j in judged
        ]
        told = assess(spells, await self.store.verdicts.missed(now - last))
        self._told = {last: (now, told)}
        return told

    def forget(self) -> None:
        """Ask anew: somebody has said something."""
        self._told.clear()
