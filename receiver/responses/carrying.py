"""One response from its first step to its end: act, verify, take back, and write all of it down."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from receiver.metrics import Metrics
from receiver.responses.actions import Action, ActionError, Done
from receiver.responses.fields import Fields, UnsafeError, fill
from receiver.responses.runbook import Runbook
from receiver.responses.verifying import Verdict, verify
from receiver.responses.witnesses import Witnesses
from receiver.store.audit import Change
from receiver.store.run_records import Ruling, Run, State, Step
from receiver.store.runs import Runs

_LOG = logging.getLogger(__name__)

_MARGIN = timedelta(seconds=30)
"""What a lease outlives a step's own time limit by: time to end it, and to write that down."""
_LOOK = 1.0
"""Seconds after which it is seen that somebody stopped the run in the middle of a step."""
SWITCH = "kill_switch"
_Result = TypeVar("_Result")


class LostError(Exception):
    """The run is no longer ours: somebody stopped it, or another receiver has it."""


@dataclass(slots=True)
class Carrier:
    """Carries runs out; `thrown` says where the kill switch is thrown, empty where it is not.

    `tell` lets everybody hear who was told of the incident.
    """

    runs: Runs
    metrics: Metrics
    witnesses: Witnesses
    thrown: Callable[[], Awaitable[str]]
    tell: Callable[[Run], Awaitable[None]]
    now: Callable[[], datetime]

    async def carry(self, run: Run, runbook: Runbook) -> Run:
        """Do what the runbook says, from the step after the last that was done.

        Raises LostError and StoreUnavailableError; then whoever finds the run verifies first.
        """
        run = await self._act(run, runbook)
        return await self.settle(run, runbook) if run.state is State.ACTING else run

    async def observe(self, run: Run, runbook: Runbook) -> Run:
        """Take the steps of a dry run that only look: what they see is gone later."""
        harmless = [step for step in chosen_of(runbook, run) if step.harmless]
        for number, action in enumerate(harmless, 1):
            run, _ = await self._step(run, number, "look", action)
        return run

    async def recover(self, run: Run, runbook: Runbook) -> Run:
        """Go on with a run that was found in the middle: nobody knows what its last step did.

        It verifies first, and acts again only where that step may be done twice.
        """
        steps = await self.runs.steps(run.id)
        open_ = next((step for step in steps if not step.outcome), None)
        if open_:
            await self.runs.end(run, replace(open_, outcome="unknown", ended_at=self.now()))
        if run.state is State.UNDOING:
            return await self._close(run, State.FAILED, "unknown", "it died while taking back")
        fields = fields_of(run)
        verdict = await verify(runbook.verify, await self.witnesses.of(run), fields, once=True)
        if verdict.holds:
            return await self._close(run, State.VERIFIED, "after_crash", verdict.said)
        if run.state is State.VERIFYING or open_ is None:
            return await (self.settle if run.state is State.VERIFYING else self.carry)(run, runbook)
        done = sum(step.phase == "act" and step.outcome == "done" for step in steps)
        chosen = chosen_of(runbook, run)
        if done < len(chosen) and chosen[done].repeatable:
            return await self.carry(run, runbook)
        why = f"nobody knows whether it was done: {open_.said}"
        return await self._close(run, State.FAILED, "unknown", why)

    async def settle(self, run: Run, runbook: Runbook) -> Run:
        """Verify what was done; take it back where it did not help."""
        limit = timedelta(seconds=runbook.verify.within + runbook.verify.stable)
        run = await self._moved(run, Ruling(State.VERIFYING), limit + _MARGIN)
        verdict = await self._unless_lost(run, self._verify(run, runbook))
        if verdict.holds:
            return await self._close(run, State.VERIFIED, "", verdict.said)
        state = State.FAILED if verdict.holds is False else State.UNVERIFIED
        return await self._give_up(run, runbook, state, "not_verified", verdict.said)

    async def _verify(self, run: Run, runbook: Runbook) -> Verdict:
        return await verify(runbook.verify, await self.witnesses.of(run), fields_of(run))

    async def _act(self, run: Run, runbook: Runbook) -> Run:
        """Take the steps; returns the run, which is over where one of them failed."""
        before = await self.runs.steps(run.id)
        done = sum(step.phase == "act" and step.outcome == "done" for step in before)
        for number, action in enumerate(chosen_of(runbook, run)[done:], len(before) + 1):
            run, error = await self._step(run, number, "act", action)
            if error is not None and error.reason == SWITCH:
                return await self._close(run, State.CANCELLED, SWITCH, error.detail)
            if error is not None:
                return await self._give_up(run, runbook, State.FAILED, error.reason, str(error))
        return run

    async def _give_up(
        self, run: Run, runbook: Runbook, state: State, reason: str, detail: str
    ) -> Run:
        """Take back what was done, if the runbook says so; people must look in any case."""
        if not runbook.rollback:
            return await self._close(run, state, reason, detail)
        run = await self._moved(run, Ruling(State.UNDOING, reason, detail), _MARGIN)
        before = await self.runs.steps(run.id)
        for number, (action, step) in enumerate(_way_back(runbook, run, before), len(before) + 1):
            run, error = await self._step(run, number, "undo", action, step)
            if error is not None:
                said = f"{detail}; not taken back: {error}"
                why = SWITCH if error.reason == SWITCH else "rollback_failed"
                return await self._close(run, State.FAILED, why, said)
        return await self._close(run, State.UNDONE, reason, detail)

    async def _step(
        self, run: Run, number: int, phase: str, action: Action, undone: Step | None = None
    ) -> tuple[Run, ActionError | None]:
        """Write down what is about to be done, do it, and write down what came of it."""
        if by := await self.thrown():
            return run, ActionError(SWITCH, by)
        try:
            filled = fill(action, fields_of(run))
        except UnsafeError as error:
            return run, ActionError("unsafe_value", str(error))
        said = f"take back: {filled.says}" if undone else filled.says
        step = Step(number, phase, action.action, said, self.now())
        begun = await self.runs.begin(run, step, self.now() + _seconds(action.timeout))
        if begun is None:
            raise LostError
        _LOG.info("run %d: %s", run.id, said)
        tools = await self.witnesses.tools(run)
        work = filled.undo(tools, undone.notes or {}) if undone else filled.run(tools)
        try:
            ended, failed = await self._unless_lost(begun, _ended(step, work, action.timeout))
        except LostError:
            await self.runs.end(begun, replace(step, outcome="stopped", ended_at=self.now()))
            raise
        await self.runs.end(begun, replace(ended, ended_at=self.now()))
        return begun, failed

    async def _unless_lost(self, run: Run, work: Awaitable[_Result]) -> _Result:
        """Do it, and stop in the middle where somebody stopped the run; raises LostError."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=_LOOK))[0]:
                stands = await self.runs.one(run.id)
                if stands is None or stands.turn != run.turn:
                    raise LostError
            return task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])

    async def _moved(self, run: Run, ruling: Ruling, lease: timedelta) -> Run:
        now = self.now()
        moved = await self.runs.move(run, ruling, now, now + lease, _change(run, ruling))
        if moved is None:
            raise LostError
        return moved

    async def _close(self, run: Run, state: State, reason: str, detail: str) -> Run:
        ruling = Ruling(state, reason, detail)
        moved = await self.runs.move(run, ruling, self.now(), None, _change(run, ruling))
        if moved is None:
            raise LostError
        await self.tell(moved)
        return moved


async def _ended(
    step: Step, work: Awaitable[Done], seconds: float
) -> tuple[Step, ActionError | None]:
    """Return the step as it ended, and what went wrong."""
    try:
        done = await _fenced(work, seconds)
    except ActionError as error:
        outcome = "unknown" if error.unknown else "failed"
        return replace(step, outcome=outcome, detail=str(error), output=error.output), error
    return replace(
        step, outcome="done", detail=done.said, output=done.output, notes=done.notes
    ), None


async def _fenced(work: Awaitable[Done], seconds: float) -> Done:
    """Do it within a time; whatever an action raises beside its own error is its failure too."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except ActionError:
        raise
    except TimeoutError:
        raise ActionError("timeout", f"not done within {seconds:g} s", unknown=True) from None
    except Exception as error:
        _LOG.exception("an action failed in a way that it does not know")
        raise ActionError("failed", f"{type(error).__name__}: {error}", unknown=True) from error


def chosen_of(runbook: Runbook, run: Run) -> Sequence[Action]:
    """Return the steps that are for this alert."""
    labels = run.wanted.labels
    return [step for step in runbook.steps if all(m.matches(labels) for m in step.when)]


def written_out(runbook: Runbook, run: Run) -> Sequence[Action]:
    """Return the same as they would be done, or with the fields' names where one is unsafe."""
    steps = chosen_of(runbook, run)
    try:
        filled: Sequence[Action] = fill(tuple(steps), fields_of(run))
    except UnsafeError:
        return steps
    return filled


def _way_back(
    runbook: Runbook, run: Run, before: Sequence[Step]
) -> Sequence[tuple[Action, Step | None]]:
    """Return what is done to take a run back, with the step that it takes back, if it is one's."""
    if not isinstance(runbook.rollback, str):
        return [(action, None) for action in runbook.rollback]
    acts = [step for step in before if step.phase == "act" and step.outcome == "done"]
    pairs = [*zip(chosen_of(runbook, run), acts, strict=False)][::-1]
    return [(action, step) for action, step in pairs if action.undoable]


def steps_of(run: Run, runbook: Runbook) -> str:
    """Say what the steps would do; raises UnsafeError."""
    return "; ".join(fill(step, fields_of(run)).says for step in chosen_of(runbook, run))


def fields_of(run: Run) -> Fields:
    """Return what the steps of a run may say of its alert."""
    own = run.wanted
    return Fields(own.labels, own.target, own.incident, own.fingerprint, own.starts_at, run.id)


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds) + _MARGIN


def _change(run: Run, ruling: Ruling) -> Change:
    why = f": {ruling.reason}" if ruling.reason else ""
    said = f": {ruling.detail}" if ruling.detail else ""
    about = f"{run.wanted.runbook} on {run.wanted.target}"
    return Change("tocsin", "respond", f"run {run.id}", f"{about}: {ruling.state}{why}{said}")
