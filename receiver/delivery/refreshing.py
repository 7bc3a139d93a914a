"""Messages that a digest has overtaken are brought up to date where they stand, one at a time.

They come after everything that is owed: nobody is told that they changed.
"""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from aiohttp import ClientSession

from receiver.delivery import breaker, token
from receiver.delivery.looking import Looking
from receiver.delivery.merge import Telling
from receiver.delivery.sending import Outlet, Told
from receiver.metrics import Metrics
from receiver.model import Delivery, SendError
from receiver.store.places import Outdated
from receiver.store.store import Store

_AGAIN = timedelta(seconds=30)


class Refreshing:
    """Does so for one channel."""

    def __init__(
        self,
        outlet: Outlet,
        looking: Looking,
        store: Store,
        http: ClientSession,
        metrics: Metrics,
    ) -> None:
        self._outlet = outlet
        self._looking = looking
        self._store = store
        self._http = http
        self._metrics = metrics

    async def one(self) -> datetime | None:
        """Refresh one message; returns when to look for another, None where there is none.

        Raises StoreUnavailableError.
        """
        found = await self._store.places.outdated(self._outlet.name)
        if found is None:
            return None
        now = self._store.now()
        if again := (await token.take(self._outlet, self._store, now)).again:
            return again
        try:
            await self._amend(found, now)
        except SendError as error:
            self._metrics.failed(self._outlet.name, error.reason, error.detail)
            luck = random.random()  # noqa: S311 -- jitter
            change = partial(breaker.after_failure, error=error, now=now, luck=luck)
            await token.note(self._outlet, self._store, change)
            if not error.permanent:
                return now + _AGAIN
        else:
            await token.note(self._outlet, self._store, breaker.after_success)
        await self._store.places.refreshed(self._outlet.name, found)
        return now

    async def _amend(self, found: Outdated, now: datetime) -> None:
        told = await self._store.newest_of(found.incident)
        if told is None:
            return
        handled = await self._store.handling.handled(found.incident, now)
        often = handled.reopened if handled else 0
        at = (0, self._outlet.name, found.incident, told, 0, now)
        delivery = Delivery(*at, reopened=often)
        telling = Telling((delivery,), replace(told, act=None))
        about = Told(
            (telling,),
            await self._looking.at([telling]),
            place=found.place,
            taken=handled.taken if handled else None,
            kin=await self._store.incidents.kin(found.incident, found.incident),
        )
        await self._outlet.amend(about, self._http, self._metrics, now)
