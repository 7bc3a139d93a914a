"""Who is on call by the schedules in force and by the overrides that people made since."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from receiver.incidents.oncall.schedule import Schedule, on_call, shifts
from receiver.incidents.oncall.shifts import Shift
from receiver.incidents.people import People
from receiver.store.rota import KEPT, Stint
from receiver.store.store import Store


@dataclass(frozen=True, slots=True)
class Duty:
    """Answers with what the store holds; every method raises StoreUnavailableError."""

    schedules: Mapping[str, Schedule]
    people: People
    store: Store

    def name(self, person: str) -> str:
        """Return what messages and pages call somebody."""
        return self.people[person].name if person in self.people else person

    async def now(self, at: datetime) -> dict[str, Shift | None]:
        """Return whose time it is by each schedule; None where it is nobody's."""
        if not self.schedules:
            return {}
        kept = await self.overrides(at - KEPT)  # what is over says since when the next one has it
        return {name: on_call(s, at, _of(kept, name)) for name, s in self.schedules.items()}

    async def shifts(self, name: str, start: datetime, end: datetime) -> list[Shift]:
        """Return the shifts and gaps of a schedule; raises KeyError where there is none."""
        schedule = self.schedules[name]
        kept = _of(await self.overrides(start - KEPT), name)
        return await asyncio.to_thread(shifts, schedule, start, end, kept)  # may be thousands

    async def overrides(self, after: datetime) -> list[Stint]:
        """Return the overrides of people who are still known that end after a time."""
        kept = await self.store.rota.overrides(after)
        return [each for each in kept if each.person in self.people]


def _of(kept: Sequence[Stint], name: str) -> list[Shift]:
    return [
        Shift(each.person, each.since, each.until, "override", each.number)
        for each in kept
        if each.schedule == name
    ]
