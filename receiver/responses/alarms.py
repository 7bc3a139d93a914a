"""What fires now and could set off a response: read once for each webhook, kept until the next."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from receiver.model import Alert, Status
from receiver.responses.match import set_off
from receiver.responses.runbook import Runbook
from receiver.store.escalating import Pending
from receiver.store.outbox import Parse
from receiver.store.run_records import Wanted
from receiver.store.store import Store


@dataclass(frozen=True, slots=True)
class _Seen:
    """The alerts that fire in an incident, as its newest webhook says."""

    webhook: int
    alerts: tuple[Alert, ...]


@dataclass(slots=True)
class Alarms:
    """Looks through what is open; `silenced` are the incidents that silences hide."""

    store: Store
    parse: Parse
    silenced: frozenset[int] = frozenset()
    _seen: dict[int, _Seen] = field(default_factory=dict)
    _proposed: set[tuple[str, str, datetime]] = field(default_factory=set)

    async def look(self, runbooks: Sequence[Runbook], now: datetime) -> list[Wanted]:
        """Return the responses that are due and were not returned before by this receiver.

        Raises StoreUnavailableError.
        """
        pending = await self.store.escalating.pending()
        self.silenced = frozenset(each.incident for each in pending if each.silenced)
        self._seen = {each.incident: await self._see(each) for each in pending}
        wanted = [*self._due(runbooks, now)]
        fresh = [each for each in wanted if _key(each) not in self._proposed]
        self._proposed = {*map(_key, wanted)}
        return fresh

    def forget(self) -> None:
        """Return all again: what was returned could not be noted."""
        self._proposed.clear()

    def _due(self, runbooks: Sequence[Runbook], now: datetime) -> Iterator[Wanted]:
        for incident, seen in self._seen.items():
            yield from set_off(runbooks, seen.alerts, incident, now)

    async def _see(self, pending: Pending) -> _Seen:
        seen = self._seen.get(pending.incident)
        if seen and seen.webhook == pending.webhook:
            return seen
        bodies = await self.store.told_of(pending.incident, most=1)
        alerts: Iterable[Alert] = self.parse(bodies[0]).alerts if bodies else ()
        return _Seen(pending.webhook, tuple(a for a in alerts if a.status is Status.FIRING))


def _key(wanted: Wanted) -> tuple[str, str, datetime]:
    return wanted.runbook, wanted.fingerprint, wanted.starts_at
