"""What fires now and sets off a response: read once for each webhook, kept until the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from receiver.model import Status
from receiver.responses.match import Due, Shelf
from receiver.responses.runbook import Runbook
from receiver.store.escalating import Pending
from receiver.store.outbox import Parse
from receiver.store.run_records import Wanted
from receiver.store.store import Store

_Key = tuple[str, str, datetime]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the newest webhook of an incident sets off."""

    webhook: int
    due: tuple[Due, ...]


@dataclass(slots=True)
class Alarms:
    """Looks through what is open; `silenced` are the incidents that silences hide."""

    store: Store
    parse: Parse
    silenced: frozenset[int] = frozenset()
    _by: Mapping[str, Runbook] | None = None
    _shelf: Shelf = field(default_factory=lambda: Shelf(()))
    _seen: dict[int, _Seen] = field(default_factory=dict)
    _proposed: set[_Key] = field(default_factory=set)

    async def look(self, runbooks: Mapping[str, Runbook], now: datetime) -> list[Wanted]:
        """Return the responses that are due and were not returned before by this receiver.

        Raises StoreUnavailableError.
        """
        if runbooks is not self._by:
            self._by, self._shelf, self._seen = runbooks, Shelf(runbooks.values()), {}
        pending = await self.store.escalating.pending()
        self.silenced = frozenset(each.incident for each in pending if each.silenced)
        self._seen = {each.incident: await self._see(each) for each in pending}
        due = [each for seen in self._seen.values() for each in seen.due]
        wanted = [each.wanted for each in due if each.at <= now]
        fresh = [each for each in wanted if _key(each) not in self._proposed]
        self._proposed = {*map(_key, wanted)}
        return fresh

    def forget(self) -> None:
        """Return all again: what was returned could not be noted."""
        self._proposed.clear()

    async def _see(self, pending: Pending) -> _Seen:
        seen = self._seen.get(pending.incident)
        if seen and seen.webhook == pending.webhook:
            return seen
        bodies = await self.store.told_of(pending.incident, most=1)
        alerts = self.parse(bodies[0]).alerts if bodies else ()
        fires = (alert for alert in alerts if alert.status is Status.FIRING)
        due = (each for alert in fires for each in self._shelf.set_off(alert, pending.incident))
        return _Seen(pending.webhook, tuple(due))


def _key(wanted: Wanted) -> _Key:
    return wanted.runbook, wanted.fingerprint, wanted.starts_at
