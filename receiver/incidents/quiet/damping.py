"""Tells of what flaps: once that it does, and once what came of it when it is calm again."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from receiver.incidents.quiet.letters import RawAlert, again, firing, summary
from receiver.incidents.quiet.planning import Planning
from receiver.model import Act
from receiver.store.held import Held
from receiver.store.keeping import Flaps, Letter, Release
from receiver.store.outbox import Parse
from receiver.store.records import Hold, Webhook
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_MOST_BODIES = 10


@dataclass(frozen=True, slots=True)
class _Now:
    """How a group that flaps stands: its newest webhook, and its alerts, whether they fire."""

    document: Mapping[str, Any]
    alerts: Sequence[RawAlert]
    fires: bool


@dataclass(frozen=True, slots=True)
class Damping:
    """Looks at one group at a time; `alone` are channels that take no message like this.

    These hear when it is calm of what fires then; before it flapped they heard of each end.
    """

    planning: Planning
    store: Store
    parse: Parse
    wake: Callable[[Iterable[str]], None]
    alone: Collection[str]

    async def look(self, hold: Hold, channels: Sequence[str], now: datetime) -> None:
        """Tell what is to be told of a group; raises StoreUnavailableError."""
        flaps = await self.store.keeping.flaps(hold)
        settings = self.planning.rules().flapping
        calm = timedelta(seconds=settings.calm) if settings else timedelta(0)
        if flaps is None:
            held = await self.store.keeping.held(hold, channels)
            await self.store.keeping.release(Release(held), now)
        elif now - flaps.last >= calm:
            await self._end(hold, channels, flaps, now)
        else:
            await self._begin(hold, channels, flaps, now)

    async def _begin(
        self, hold: Hold, channels: Sequence[str], flaps: Flaps, now: datetime
    ) -> None:
        what = f"flapping {hold.name} {flaps.since.isoformat()}"
        if await self.store.keeping.was_said([what]):
            return
        stands = await self._stands(flaps)
        hear = [name for name in channels if self._hears(name, stands, now)]
        if not hear or not stands.alerts:
            return
        act = Act("flapping", _topic(hold), now)
        body = summary(act, f"{what} begins", stands.alerts)
        letter = Letter(Webhook(body, self.parse(body), now), hear)
        if await self.store.keeping.say_once(what, letter, now):
            _LOG.info("%s flaps, told to %s", hold.name, hear)
            self.wake(hear)

    async def _end(self, hold: Hold, channels: Sequence[str], flaps: Flaps, now: datetime) -> None:
        held = await self.store.keeping.held(hold, channels)
        stands = await self._stands(flaps)
        hear = [name for name in channels if self._hears(name, stands, now)]
        letters = []
        if hear and stands.alerts:
            act = Act("calm", _topic(hold), now, flaps.since, str(flaps.count))
            body = summary(act, f"calm {hold.name} {now.isoformat()}", stands.alerts)
            letters.append(Letter(Webhook(body, self.parse(body), now), hear))
        if stands.fires and (alone := [name for name in channels if name in self.alone]):
            body = again(stands.document, stands.alerts)
            letters.append(Letter(Webhook(body, self.parse(body), now), alone, flaps.incident))
        moved = self._moved(channels, stands, flaps.incident, now)
        if await self.store.keeping.release(Release(held, moved, letters, calm=hold), now):
            for letter in letters:
                _LOG.info("%s is calm, told to %s", hold.name, letter.channels)
                self.wake(letter.channels)

    def _hears(self, channel: str, stands: _Now, now: datetime) -> bool:
        return channel not in self.alone and self._keeper(channel, stands, now) is None

    def _keeper(self, channel: str, stands: _Now, now: datetime) -> Hold | None:
        """Return what else keeps all of these alerts from a channel, if something does."""
        quiet = self.planning.quiet(now)
        kept = [quiet.keeps(channel, alert["labels"] or {}) for alert in stands.alerts]
        return kept[0] if kept and all(kept) else None

    def _moved(
        self, channels: Sequence[str], stands: _Now, incident: int, now: datetime
    ) -> list[Held]:
        """Return what is held on by something else, where it fires."""
        keepers = ((name, self._keeper(name, stands, now)) for name in channels if stands.fires)
        return [Held(incident, name, keeper) for name, keeper in keepers if keeper]

    async def _stands(self, flaps: Flaps) -> _Now:
        fires = await self.store.keeping.fires(flaps.incident)
        bodies = await self.store.told_of(flaps.incident, _MOST_BODIES)
        documents = await asyncio.to_thread(lambda: [orjson.loads(body) for body in bodies])
        if not documents:
            return _Now({}, (), fires=False)
        said = {a["fingerprint"]: a for each in reversed(documents) for a in each["alerts"]}
        burning = [firing(said[name]) for name in sorted(fires.prints & said.keys())]
        newest = documents[0]
        return _Now(newest, burning or newest["alerts"], fires=bool(burning))


def _topic(hold: Hold) -> str:
    """Return what people call the group, without what makes its name the only one."""
    return hold.name.rpartition(" ")[0] or hold.name
