"""The engine of responses: proposes, decides by the guards, carries out, and finds what died.

Everything that it knows stands in the store, so it can die at any moment and on any machine.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from receiver.incidents.quiet.planning import Planning
from receiver.metrics import Metrics
from receiver.responses.alarms import Alarms
from receiver.responses.carrying import Carrier, LostError, chosen_of, fields_of, steps_of
from receiver.responses.checks import NoEvidenceError
from receiver.responses.fields import UnsafeError, fill
from receiver.responses.guard import Limits, Scene, judge
from receiver.responses.runbook import Mode, Runbook
from receiver.responses.settings import Responses
from receiver.store.audit import Change
from receiver.store.run_records import UNDER_WAY, Past, Ruling, Run, Since, State
from receiver.store.schema import EPOCH, StoreUnavailableError

_LOG = logging.getLogger(__name__)

_PERIOD = 5.0
"""Seconds after which it looks again by itself: at what waits, and for what died elsewhere."""
_BREATH = 0.2
"""Seconds between two looks at least, however many webhooks come."""
_AGAIN = (State.FAILED, State.UNVERIFIED, State.UNDONE)

_MOST_LOOKING = 10
"""Dry runs that look at once; more say what they would do, and look at nothing."""
_LONGEST = 1_000
"""Letters of what a dry run would do."""
_AGE = timedelta(seconds=1)
_MOST = 50
"""Runs that are looked at in one look; each takes a few milliseconds."""

Runbooks = Mapping[str, Runbook]
Work = Callable[[Run, Runbook], Coroutine[None, None, Run]]


@dataclass(slots=True)
class Engine:
    """Looks when it is woken; `runbooks` and `settings` are those in force at the time."""

    runbooks: Callable[[], Runbooks]
    settings: Callable[[], Responses]
    carrier: Carrier
    alarms: Alarms
    planning: Planning
    metrics: Metrics
    now: Callable[[], datetime]
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _looked: dict[int, datetime] = field(default_factory=dict)

    def wake(self, run: int = 0) -> None:
        """Look now: something came in, or somebody agreed to a run, whose turn it is then."""
        self._looked.pop(run, None)
        self._bell.set()

    async def run(self) -> None:
        """Go on until cancelled; what acts then is found by whoever comes next."""
        try:
            while True:
                self._bell.clear()
                try:
                    await self.once(self.now())
                except StoreUnavailableError as error:
                    _LOG.warning("no response can be decided: %s", error)
                await asyncio.sleep(_BREATH)
                try:
                    await asyncio.wait_for(self._bell.wait(), _PERIOD)
                except TimeoutError:
                    continue
        finally:
            await self.close()

    async def close(self) -> None:
        """Stop what acts here, with all that it has started."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing acts here any longer."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def once(self, now: datetime) -> None:
        """Look once; raises StoreUnavailableError."""
        runbooks, runs = self.runbooks(), self.carrier.runs
        if runbooks:
            wanted = await self.alarms.look(runbooks, now)
            try:
                await runs.propose(wanted, now)
            except StoreUnavailableError:
                self.alarms.forget()
                raise
        pending = await runs.pending()
        free = self.settings().concurrency - sum(run.state in UNDER_WAY for run in pending)
        crowd = {run.id for run in pending if _needs_room(run, runbooks.get(run.wanted.runbook))}
        for run in self._in_turn(pending, crowd if free <= 0 else set(), now):
            runbook = runbooks.get(run.wanted.runbook)
            if free <= 0 and run.id in crowd:
                continue  # and it stays the first, since it was not looked at
            self._looked[run.id] = now
            if run.state in UNDER_WAY:
                await self._find(run, runbook, now)
            else:
                free -= await self._decide(run, runbook, now) is State.ACTING
        await self._show(runbooks)

    def _in_turn(
        self, pending: Sequence[Run], without: Collection[int], now: datetime
    ) -> list[Run]:
        """Return whom to look at now: who was not looked at for longest, and not all of thousands.

        What waits for a cool-down waits for minutes, and must not keep what is new from its turn.
        """
        self._looked = looked = {run.id: self._looked.get(run.id, EPOCH) for run in pending}
        may = [run for run in pending if run.id not in without]
        ripe = [run for run in may if now - looked[run.id] >= _AGE or now < looked[run.id]]
        chosen = sorted(ripe, key=lambda run: (looked[run.id], run.id))[:_MOST]
        if len(ripe) > _MOST:
            self.wake()
        return chosen

    async def scene(self, run: Run, runbook: Runbook, now: datetime) -> Scene:
        """Gather what is known beside the store."""
        hold = self.planning.quiet(now).window(run.wanted.labels)
        return Scene(
            now,
            switch=self.settings().thrown,
            is_root=os.geteuid() == 0,
            silenced=run.wanted.incident in self.alarms.silenced,
            window=hold.name if hold else "",
            group=await self._group(run, runbook),
            unsafe=_objection(run, runbook),
        )

    async def view(self, run: Run, runbook: Runbook, now: datetime) -> tuple[Past, Scene, Limits]:
        """Return what would be decided by now, and decide nothing."""
        past = await self.carrier.runs.past(run, _since(runbook, now))
        return past, await self.scene(run, runbook, now), self._limits()

    async def _decide(self, run: Run, runbook: Runbook | None, now: datetime) -> State | None:
        """Decide about a run; returns where it stands, None where somebody else has moved it."""
        scene = await self.scene(run, runbook, now) if runbook else Scene(now)
        decide = partial(_judge, runbook, scene, self._limits())
        seconds = (runbook.steps[0].timeout if runbook else 0) + 30
        until = now + timedelta(seconds=seconds)
        found = await self.carrier.runs.decide(run, _since(runbook, now), decide, now, until)
        if found is None:
            return None
        moved, ruling = found
        if ruling.reason and (moved.turn != run.turn):
            self.metrics.response_refusals.labels(ruling.reason).inc()
        if moved.state is State.ACTING and runbook:
            waited = max(0.0, (now - moved.made_at).total_seconds())
            self.metrics.response_start.observe(waited)
            await self.carrier.tell(moved)
            self._spawn(moved, self.carrier.carry, runbook)
        elif moved.state is not run.state:
            await self._told(moved)
            if moved.state is State.REHEARSED and runbook and len(self._tasks) < _MOST_LOOKING:
                self._spawn(moved, self.carrier.observe, runbook)
        return moved.state

    async def _told(self, run: Run) -> None:
        if run.state is not State.ASKING:
            self.count(run)
        if run.state is not State.CANCELLED:  # nobody heard that it was about to do something
            await self.carrier.tell(run)

    async def _find(self, run: Run, runbook: Runbook | None, now: datetime) -> None:
        """Take over a run whose receiver died, once its lease is over."""
        if run.id in self._tasks or run.lease is None or run.lease > now:
            return
        if runbook is None:
            why = "its receiver died, and the runbook is gone"
            ruling = Ruling(State.FAILED, "unknown", why)
            await self._close(run, ruling, now)
            return
        ruling = Ruling(run.state, "found", "its receiver died in the middle")
        until = now + timedelta(seconds=runbook.verify.within + 60)
        mine = await self.carrier.runs.move(run, ruling, now, until, _change(run, ruling))
        if mine is not None:
            _LOG.warning("run %d was found in the middle: it is verified first", run.id)
            self._spawn(mine, self.carrier.recover, runbook)

    async def _close(self, run: Run, ruling: Ruling, now: datetime) -> None:
        moved = await self.carrier.runs.move(run, ruling, now, None, _change(run, ruling))
        if moved is not None:
            await self._told(moved)

    def _spawn(self, run: Run, work: Work, runbook: Runbook) -> None:
        task = asyncio.create_task(self._watch(run, work, runbook), name=f"run {run.id}")
        self._tasks[run.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run.id, None))

    async def _watch(self, run: Run, work: Work, runbook: Runbook) -> None:
        try:
            ended = await work(run, runbook)
        except LostError:
            _LOG.warning("run %d was stopped", run.id)
        except StoreUnavailableError as error:
            _LOG.warning("run %d is left to be found: %s", run.id, error)
        else:
            if ended.state is not State.REHEARSED:  # which was counted before it looked
                self.count(ended)
            await self._again(ended, runbook)
        self.wake()

    async def _again(self, run: Run, runbook: Runbook) -> None:
        """Propose the next try, if any; about what may have been done a person decides."""
        if (
            run.state not in _AGAIN
            or run.reason == "unknown"
            or run.wanted.attempt >= runbook.guard.tries
        ):
            return
        wanted = replace(run.wanted, attempt=run.wanted.attempt + 1)
        try:
            await self.carrier.runs.propose([wanted], self.now())
        except StoreUnavailableError as error:
            _LOG.warning("run %d is not tried again: %s", run.id, error)

    def count(self, run: Run) -> None:
        """Count how a run ended."""
        own = run.wanted
        self.metrics.response_runs.labels(own.runbook, own.mode, run.state.value).inc()

    def _limits(self) -> Limits:
        settings = self.settings()
        return Limits(settings.concurrency, settings.allow_root)

    async def _group(self, run: Run, runbook: Runbook) -> float | None:
        """Count what a runbook's bound is a share of; None where nobody can tell."""
        if not runbook.guard.blast.group:
            return None
        try:
            query = fill(runbook.guard.blast.group, fields_of(run))
            found = await self.carrier.witnesses.query(query)
        except (NoEvidenceError, UnsafeError) as error:
            _LOG.warning("run %d: how large its group is cannot be told: %s", run.id, error)
            return None
        return found[0][1] if len(found) == 1 else None

    async def _show(self, runbooks: Runbooks) -> None:
        stops = self.carrier.runs.stops
        open_ = await stops.breakers()
        for name in runbooks:
            self.metrics.response_breaker_open.labels(name).set(name in open_)
        thrown = self.settings().thrown or await stops.switched()
        self.metrics.kill_switch.set(thrown is not None and thrown != "")


def _judge(runbook: Runbook | None, scene: Scene, limits: Limits, run: Run, past: Past) -> Ruling:
    ruling = judge(runbook, run, past, scene, limits)
    if ruling.state is State.REHEARSED and not ruling.reason and runbook:
        return replace(ruling, detail=steps_of(run, runbook)[:_LONGEST])
    return ruling


def _needs_room(run: Run, runbook: Runbook | None) -> bool:
    """Whether nothing but room for one more keeps a run from being decided: a thousand may wait."""
    if run.state is not State.WAITING or runbook is None:
        return False
    return runbook.mode is Mode.AUTO


def _since(runbook: Runbook | None, now: datetime) -> Since:
    if runbook is None:
        return Since(now, now)
    guard = runbook.guard
    rate, blast = guard.rate.period, guard.blast.within
    return Since(now - timedelta(seconds=rate), now - timedelta(seconds=blast))


def _objection(run: Run, runbook: Runbook) -> UnsafeError | None:
    """Say why the steps cannot be written out for this alert, if they cannot."""
    undo = () if isinstance(runbook.rollback, str) else runbook.rollback
    try:
        fill((*chosen_of(runbook, run), *undo, *runbook.verify.checks), fields_of(run))
    except UnsafeError as error:
        return error
    return None


def _change(run: Run, ruling: Ruling) -> Change:
    return Change("tocsin", "respond", f"run {run.id}", f"{run.wanted.runbook}: {ruling.detail}")
