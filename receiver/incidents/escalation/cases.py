"""The open incidents that a policy holds for, and how far each is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from receiver.incidents.escalation.due import Stands, begun, settled, standing
from receiver.incidents.escalation.policy import Policy, first
from receiver.incidents.escalation.writing import told_of
from receiver.incidents.quiet.keeping import Quiet
from receiver.incidents.quiet.windows import Window
from receiver.store.escalating import Pending, Progress
from receiver.store.store import Store

Policies = Mapping[str, Policy]


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with the policy that holds for it, how it stands, how far it was and is."""

    pending: Pending
    name: str
    policy: Policy
    stands: Stands
    before: Progress
    progress: Progress


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a webhook says of an incident, as long as these windows are open."""

    webhook: int
    members: tuple[int, ...]
    windows: tuple[Window, ...]
    name: str
    maintained: bool

    @property
    def key(self) -> tuple[int, tuple[int, ...], tuple[Window, ...]]:
        """As long as this is the same, so is the rest."""
        return self.webhook, self.members, self.windows


@dataclass(slots=True)
class Cases:
    """Looks what is open; what it read of an incident it keeps until there is news of it."""

    store: Store
    _seen: dict[int, _Seen] = field(default_factory=dict)
    _by: Policies = field(default_factory=dict)

    async def look(self, policies: Policies, quiet: Quiet, now: datetime) -> list[Case]:
        """Return all; raises StoreUnavailableError."""
        if policies != self._by:
            self._by, self._seen = policies, {}
        pending = await self.store.escalating.pending() if policies else []
        self._seen = {each.incident: await self._see(each, policies, quiet) for each in pending}
        cases = (_case(each, policies, self._seen[each.incident], now) for each in pending)
        return [case for case in cases if case]

    async def _see(self, pending: Pending, policies: Policies, quiet: Quiet) -> _Seen:
        windows, seen = tuple(quiet.windows), self._seen.get(pending.incident)
        if seen and seen.key == (pending.webhook, pending.members, windows):
            return seen
        every = await told_of(self.store, pending)
        burning = [labels for told in every for labels in told.fires]
        hidden = bool(windows and burning) and all(map(quiet.window, burning))
        return _Seen(pending.webhook, pending.members, windows, first(policies, burning), hidden)


def _case(pending: Pending, policies: Policies, seen: _Seen, now: datetime) -> Case | None:
    name = _holds(policies, seen.name, pending.progress.policy if pending.progress else "")
    if not name:
        return None
    before = pending.progress or begun(pending, name, now)
    stands = replace(standing(pending, now), maintained=seen.maintained)
    return Case(pending, name, policies[name], stands, before, settled(before, name, stands, now))


def _holds(policies: Policies, matches: str, before: str) -> str:
    """Return the policy that holds: once one does, only an earlier one takes over."""
    order = [*policies]
    if before in policies and (not matches or order.index(before) < order.index(matches)):
        return before
    return matches
