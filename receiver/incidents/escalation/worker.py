"""Asks the next one, again and again, until somebody takes an incident or it is over."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from receiver.incidents.escalation.asking import Asked, Rota, ask
from receiver.incidents.escalation.cases import Case, Cases, Policies
from receiver.incidents.escalation.due import Turn, due
from receiver.incidents.escalation.writing import body, told_of
from receiver.incidents.oncall.duty import Duty
from receiver.incidents.quiet.planning import Planning
from receiver.metrics import Metrics
from receiver.store.again import again
from receiver.store.audit import Change
from receiver.store.escalating import Move
from receiver.store.keeping import Letter
from receiver.store.outbox import Parse
from receiver.store.records import Webhook
from receiver.store.store import Store

_LOG = logging.getLogger(__name__)

_PERIOD = 10.0
"""Seconds; to look costs a twentieth of a second of CPU for each thousand open incidents."""
_LATE = timedelta(minutes=5)
"""How long a step may be overdue before the auditor says so."""


@dataclass(slots=True)
class Escalation:
    """Looks through what is open; `policies` and `duty` are those in force at the time."""

    policies: Callable[[], Policies]
    duty: Callable[[], Duty]
    planning: Planning
    store: Store
    metrics: Metrics
    parse: Parse
    wake: Callable[[Iterable[str]], None]
    _cases: Cases = field(init=False)
    _audited: Cases = field(init=False)
    _watched: datetime | None = None

    def __post_init__(self) -> None:
        self._cases, self._audited = Cases(self.store), Cases(self.store)

    async def run(self) -> None:
        """Go on until cancelled."""
        await again(self._look, _PERIOD, "nobody can be asked next", self.store.now)

    async def _look(self, _: datetime) -> None:
        """Look by the time that all receivers of a database have at this moment."""
        await self.store.agree(now=True)
        await self.once(self.store.now())

    async def once(self, now: datetime) -> None:
        """Tell what is due; raises StoreUnavailableError."""
        policies = self.policies()
        for name in policies:
            self.metrics.escalations.labels(name)
        if policies and (back := await self.store.escalating.set_back(now)):
            _LOG.warning("the clock was set back by %s; nobody is asked later for that", back)
        cases = await self._cases.look(policies, self.planning.quiet(now), now)
        if fresh := {c.pending.incident: c.before for c in cases if not c.pending.progress}:
            await self.store.escalating.begin(fresh)
        ends = [await self._advance(case, now) for case in cases]
        self.metrics.escalations_exhausted.set(ends.count("exhausted"))

    async def stuck(self, now: datetime) -> list[int]:
        """Return the incidents of which a step is long due and told by nobody.

        What was due while nothing ran is left to `once` for as long.
        """
        self._watched = self._watched or now
        if now - self._watched < _LATE:
            return []
        cases = await self._audited.look(self.policies(), self.planning.quiet(now), now)
        return [case.pending.incident for case in cases if _is_stuck(case, now)]

    async def _advance(self, case: Case, now: datetime) -> str:
        """Do what is due about one; returns why nothing was, empty where something was."""
        turn = due(case.policy, case.stands, case.progress, now)
        if isinstance(turn, Turn):
            await self._tell(case, turn, now)
            return ""
        if case.progress != case.before:
            await self.store.escalating.move(Move(case.pending, case.before, case.progress), now)
        return turn

    async def _tell(self, case: Case, turn: Turn, now: datetime) -> None:
        """Tell a step, unless another receiver has, or somebody has just taken it."""
        duty = self.duty()
        asked = ask(case.policy, turn.index, Rota(duty.people, duty.schedules, await duty.now(now)))
        letter = await self._letter(case, asked, now) if asked.channel else None
        after = replace(case.progress, told=asked.index + 1, told_at=now)
        change = Change(
            "tocsin", "escalate", f"incident {case.pending.incident}", _say(case, asked)
        )
        move = Move(case.pending, case.before, after, letter, change)
        if not await self.store.escalating.move(move, now):
            return
        _LOG.info("incident %d: escalated: %s", case.pending.incident, change.detail)
        for schedule in asked.nobody:
            self.metrics.escalations_nobody.labels(schedule).inc()
        if letter:
            self.metrics.escalations.labels(case.name).inc()
            self.wake(letter.channels)

    async def _letter(self, case: Case, asked: Asked, now: datetime) -> Letter:
        every = await told_of(self.store, case.pending)
        fitting = (told for told in every if any(map(case.policy.covers, told.fires)))
        told = next(fitting, every[0])
        raw = body(told.document, asked, now)
        return Letter(Webhook(raw, self.parse(raw), now), (asked.channel,), told.incident)


def _say(case: Case, asked: Asked) -> str:
    """Say for the audit which step it was, and who was asked how."""
    rounds, number = divmod(asked.index, len(case.policy.steps))
    step = f"{case.name}: step {number + 1} of {len(case.policy.steps)}, round {rounds + 1}"
    nobody = f"nobody of {', '.join(asked.nobody)} can be reached" if asked.nobody else ""
    by = f" by {asked.channel}" if asked.channel != asked.who else ""
    whom = f"{asked.who}{by} is asked" if asked.channel else ""
    return f"{step}: {'; '.join(filter(None, (nobody, whom)))}"


def _is_stuck(case: Case, now: datetime) -> bool:
    """Whether the oldest step that is due has been for long, and would count still."""
    if not isinstance(due(case.policy, case.stands, case.progress, now), Turn):
        return False
    return now - case.progress.since - case.policy.offset(case.progress.told) > _LATE
