"""What people do about responses: approve, refuse and stop them, and let them act again.

Who asks is known by then; whether they may, and who hears of it, is decided here. Nothing is done
that is not in the audit, and what is refused is there with its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from receiver.incidents.acting import Actor, Result
from receiver.incidents.people import Person, Role
from receiver.model import Act
from receiver.responses.engine import Engine
from receiver.responses.runbook import Runbook
from receiver.store.audit import Change
from receiver.store.run_records import PENDING, Ruling, Run, State
from receiver.store.schema import StoreUnavailableError
from receiver.store.store import Store

ROLES = {"approve": Role.APPROVE, "refuse": Role.APPROVE, "stop": Role.OPERATE}
"""What a person may do about a run, by the role that it needs."""
_RULINGS = {"refuse": (State.REFUSED, "refused"), "stop": (State.CANCELLED, "stopped")}
_TRIES = 5
"""Times that a run is looked at again that moved on meanwhile: it does so with each step."""


def objection(
    verb: str, person: Person | None, run: Run | None, runbook: Runbook | None, now: datetime
) -> str:
    """Say why somebody may not do this now: a named reason, or nothing where they may (pure)."""
    if verb not in ROLES:
        return "unknown_verb"
    if person is None:
        return "stranger"
    if ROLES[verb] not in person.roles:
        return "no_approver" if ROLES[verb] is Role.APPROVE else "role"
    return _too_late(verb, run, runbook, now) if run else "unknown_run"


def _too_late(verb: str, run: Run, runbook: Runbook | None, now: datetime) -> str:
    if verb == "stop":
        return "" if run.state in PENDING else "run_over"
    if run.state is not State.ASKING:
        return "late" if run.reason == "not_approved" else "not_asked"
    return "late" if runbook and now >= deadline(run, runbook) else ""


def deadline(run: Run, runbook: Runbook) -> datetime:
    """Until when people may agree to a run that asks."""
    return run.changed_at + timedelta(seconds=runbook.guard.approval)


def needed(runbook: Runbook | None) -> int:
    """How many people must agree."""
    return 2 if runbook and runbook.guard.two_people else 1


@dataclass(frozen=True, slots=True)
class Answering:
    """Does what people want by the runbooks in force."""

    store: Store
    engine: Engine

    async def act(
        self, actor: Actor, number: int, verb: str, remark: str = "", *, incident: int = 0
    ) -> Result:
        """Approve, refuse or stop a run, if they may, and if it is one of `incident`, if any."""
        try:
            result = await self._act(actor, number, verb, remark, incident)
        except StoreUnavailableError as error:
            result = Result("failed", f"the store is unavailable: {error.public}")
        known = verb if verb in ROLES else "unknown"
        self.engine.metrics.acts.labels(known, result.outcome).inc()
        return result

    async def _act(
        self, actor: Actor, number: int, verb: str, remark: str, incident: int
    ) -> Result:
        for _ in range(_TRIES):
            now = self.store.now()
            run = await self.store.runs.one(number)
            if run and incident and run.wanted.incident not in await self._one_with(incident):
                run = None
            runbook = self.engine.runbooks().get(run.wanted.runbook) if run else None
            reason = objection(verb, actor.person, run, runbook, now)
            if reason or run is None:
                await self._note(actor, verb, number, f"refused: {reason}")
                return Result("refused", reason)
            if verb == "approve":
                return await self._approve(actor, run, runbook, remark)
            if await self._end(actor, run, verb, remark):
                return Result("done", act=Act(verb, actor.name, now, detail=remark))
        return Result("failed", "it moved on too fast; try again")

    async def _one_with(self, incident: int) -> list[int]:
        return await self.store.incidents.together(incident)

    async def _approve(
        self, actor: Actor, run: Run, runbook: Runbook | None, remark: str
    ) -> Result:
        """Note that somebody agrees; the last that is needed lets it act."""
        now = self.store.now()
        change = _change(actor, "approve", run.id, _about(run, remark))
        if not await self.store.runs.agree(run.id, actor.name, now, change):
            return await self._in_vain(actor, run)
        self.engine.wake(run.id)
        agreed = await self.store.runs.agreed(run.id)
        act = Act("approve", actor.name, now, detail=remark)
        return Result("done", "" if len(agreed) >= needed(runbook) else "one_more", act)

    async def _in_vain(self, actor: Actor, run: Run) -> Result:
        """Say why an agreement does not count: it is there already, or the run asks no longer."""
        agreed: Mapping[str, datetime] = await self.store.runs.agreed(run.id)
        if actor.name in agreed:
            await self._note(actor, "approve", run.id, "refused: twice")
            return Result("already", "twice", Act("approve", actor.name, agreed[actor.name]))
        await self._note(actor, "approve", run.id, "refused: not_asked")
        return Result("refused", "not_asked")

    async def _end(self, actor: Actor, run: Run, verb: str, remark: str) -> bool:
        """End a run; False where it moved on meanwhile. What carries it out sees that soon."""
        state, reason = _RULINGS[verb]
        said = f"by {actor.name}: {remark}" if remark else f"by {actor.name}"
        change = _change(actor, verb, run.id, _about(run, remark))
        ruling, now = Ruling(state, reason, said), self.store.now()
        moved = await self.store.runs.move(run, ruling, now, None, change)
        if moved is None:
            return False
        if state is State.REFUSED:
            self.engine.metrics.response_refusals.labels(reason).inc()
        self.engine.count(moved)
        await self.engine.carrier.tell(moved)
        self.engine.wake()
        return True

    async def reset(self, who: str, runbook: str) -> bool:
        """Close a runbook's breaker; False where it is not open. Raises StoreUnavailableError."""
        change = Change(who, "reset", f"runbook {runbook}")
        closed = await self.store.runs.stops.reset(runbook, self.store.now(), change)
        self.engine.wake()
        return closed

    async def throw(self, who: str, reason: str) -> None:
        """Stop all responses, before their next step. Raises StoreUnavailableError."""
        change = Change(who, "stop", "responses", reason)
        await self.store.runs.stops.throw(who, reason, self.store.now(), change)
        self.engine.wake()

    async def release(self, who: str) -> bool:
        """Let responses act again; False where they may. Raises StoreUnavailableError."""
        change = Change(who, "release", "responses")
        released = await self.store.runs.stops.release(self.store.now(), change)
        self.engine.wake()
        return released

    async def _note(self, actor: Actor, verb: str, number: int, detail: str) -> None:
        await self.store.note(_change(actor, verb, number, detail), self.store.now())


def _change(actor: Actor, verb: str, number: int, detail: str) -> Change:
    by = "" if actor.known_as == actor.name else f" (for {actor.name})"
    return Change(actor.known_as, verb[:40], f"run {number}", f"{detail}{by}")


def _about(run: Run, remark: str) -> str:
    about = f"{run.wanted.runbook} on {run.wanted.target or 'nothing'}"
    return f"{about}: {remark}" if remark else about
