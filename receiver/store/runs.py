"""Responses: each run with its steps, who agreed to it, and how it is moved on.

A run is changed by whoever names the turn it stands at, so of two receivers one does it; and what
is about to be done is written down before it is done.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select, update

from receiver.store import audit, joining
from receiver.store.audit import Change
from receiver.store.bulk import inserting
from receiver.store.lane import Lane
from receiver.store.repairs import breakers, consents, run_steps, runs
from receiver.store.run_past import agreed_of, helped, past_of
from receiver.store.run_records import PENDING, Judge, Past, Ruling, Run, Since, State, Step, Wanted
from receiver.store.stops import Stops


class Runs:
    """The part of a store that has the responses."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader
        self.stops = Stops(writer, reader)

    async def propose(self, wanted: Sequence[Wanted], now: datetime) -> int:
        """Note responses, but for those that are; returns how many are new."""
        return await self._writer.run(_propose, wanted, now) if wanted else 0

    async def pending(self) -> list[Run]:
        """Return what is not over, oldest first."""
        return await self._reader.run(_select, runs.c.state.in_(PENDING), most=None)

    async def page(self, *, before: int | None, limit: int, **where: Any) -> list[Run]:
        """Return up to `limit` runs, newest first, older than number `before`."""
        return await self._reader.run(_page, before, limit, where)

    async def one(self, number: int) -> Run | None:
        """Return a run by its number."""
        found = await self._reader.run(_select, runs.c.id == number, most=1)
        return found[0] if found else None

    async def asking(self, incident: int) -> list[Run]:
        """Return what asks about an incident, or about one that is one with it."""
        return await self._reader.run(_asking, incident)

    async def steps(self, number: int) -> list[Step]:
        """Return what was done in a run, in order."""
        return await self._reader.run(_steps, number)

    async def agreed(self, number: int) -> dict[str, datetime]:
        """Return who agreed to a run, and when."""
        return await self._reader.run(agreed_of, number)

    async def decide(
        self, run: Run, since: Since, judge: Judge, now: datetime, until: datetime
    ) -> tuple[Run, Ruling] | None:
        """Move a run by what is known of the past; None where somebody else moved it.

        All in one transaction, so that no bound is passed by two receivers at once.
        """
        return await self._writer.run(_decide, run, since, judge, now, until)

    async def move(
        self, run: Run, ruling: Ruling, now: datetime, lease: datetime | None, change: Change
    ) -> Run | None:
        """Move a run, and say so in the audit; None where somebody else moved it."""
        return await self._writer.run(_move, run, ruling, now, lease, change)

    async def begin(self, run: Run, step: Step, lease: datetime) -> Run | None:
        """Write down what is about to be done; None where the run is no longer ours."""
        return await self._writer.run(_begin, run, step, lease)

    async def end(self, run: Run, step: Step) -> None:
        """Write down how it ended."""
        await self._writer.run(_end, run, step)

    async def agree(self, number: int, who: str, now: datetime, change: Change) -> bool:
        """Note that somebody agrees; False where the run asks nobody, or they have before."""
        return await self._writer.run(_agree, number, who, now, change)

    async def helped(self) -> dict[str, int]:
        """Count by runbook the runs to which people agreed and that were verified."""
        return await self._reader.run(helped)

    async def past(self, run: Run, since: Since) -> Past:
        """Look at what is known, without deciding anything."""
        return await self._reader.run(past_of, run, since)


def _propose(connection: Connection, wanted: Sequence[Wanted], now: datetime) -> int:
    rows = [_row(each, now) for each in wanted]
    statement = inserting(connection)(runs).on_conflict_do_nothing().returning(runs.c.id)
    return sum(connection.scalar(statement, row) is not None for row in rows)


def _row(wanted: Wanted, now: datetime) -> dict[str, object]:
    own = {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}
    said = {"state": State.WAITING.value, "reason": "", "detail": "", "turn": 0}
    times = {"made_at": now, "changed_at": now}
    return own | said | times | {"labels": orjson.dumps({**wanted.labels}).decode()}


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)  # noqa: SLF001 -- SQLAlchemy's public name
    labels = orjson.loads(values.pop("labels"))
    own = {n: values.pop(n) for n in Wanted.__dataclass_fields__ if n != "labels"}
    state = State(values.pop("state"))
    return Run(wanted=Wanted(**own, labels=labels), state=state, **values)


def _select(connection: Connection, where: Any, most: int | None) -> list[Run]:
    rows = connection.execute(select(runs).where(where).order_by(runs.c.id).limit(most))
    return [_run(row) for row in rows]


def _asking(connection: Connection, incident: int) -> list[Run]:
    here = runs.c.incident.in_(joining.together(connection, incident))
    return _select(connection, here & (runs.c.state == State.ASKING), most=None)


def _page(
    connection: Connection, before: int | None, limit: int, where: Mapping[str, Any]
) -> list[Run]:
    query = select(runs).order_by(runs.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(runs.c.id < before)
    for name, value in where.items():
        query = query.where(runs.c[name] == value)
    return [_run(row) for row in connection.execute(query)]


def _steps(connection: Connection, number: int) -> list[Step]:
    columns = [run_steps.c[name] for name in Step.__dataclass_fields__]
    query = select(*columns).where(run_steps.c.run == number).order_by(run_steps.c.number)
    return [replace(Step(*row), notes=orjson.loads(row.notes)) for row in connection.execute(query)]


def _decide(
    connection: Connection, run: Run, since: Since, judge: Judge, now: datetime, until: datetime
) -> tuple[Run, Ruling] | None:
    ruling = judge(run, past_of(connection, run, since))
    if ruling.state == run.state and ruling.reason == run.reason:
        return run, ruling
    if ruling.trips:
        row = {"runbook": run.wanted.runbook, "opened_at": now, "reason": ruling.detail}
        connection.execute(inserting(connection)(breakers).on_conflict_do_nothing(), row)
    lease = until if ruling.state is State.ACTING else None
    change = None if ruling.state == run.state else _told(run, ruling)
    moved = _move(connection, run, ruling, now, lease, change)
    return None if moved is None else (moved, ruling)


def _told(run: Run, ruling: Ruling) -> Change:
    why = f": {ruling.reason}" if ruling.reason else ""
    about = f"{run.wanted.runbook} on {run.wanted.target or 'nothing'}"
    return Change("tocsin", "respond", f"run {run.id}", f"{about}: {ruling.state}{why}")


def _move(
    connection: Connection,
    run: Run,
    ruling: Ruling,
    now: datetime,
    lease: datetime | None,
    change: Change | None,
) -> Run | None:
    over = ruling.state not in PENDING
    begins = ruling.state is State.ACTING and run.begun_at is None
    moved = replace(
        run,
        state=ruling.state,
        reason=ruling.reason,
        detail=ruling.detail,
        changed_at=now if ruling.state != run.state else run.changed_at,
        begun_at=now if begins else run.begun_at,
        ended_at=now if over else None,
        lease=lease,
        turn=run.turn + 1,
    )
    if not _write(connection, run, moved):
        return None
    if change is not None:
        audit.note(connection, change, now)
    return moved


_CHANGING = ("state", "reason", "detail", "changed_at", "begun_at", "ended_at", "lease", "turn")


def _write(connection: Connection, before: Run, after: Run) -> bool:
    values = {name: getattr(after, name) for name in _CHANGING}
    here = update(runs).where(runs.c.id == before.id, runs.c.turn == before.turn)
    return connection.execute(here.values(values)).rowcount == 1


def _begin(connection: Connection, run: Run, step: Step, lease: datetime) -> Run | None:
    moved = replace(run, lease=lease, turn=run.turn + 1)
    if not _write(connection, run, moved):
        return None
    connection.execute(run_steps.insert(), _step(run, step))
    return moved


def _end(connection: Connection, run: Run, step: Step) -> None:
    here = (run_steps.c.run == run.id) & (run_steps.c.number == step.number)
    connection.execute(update(run_steps).where(here).values(_step(run, step)))
    ended = step.ended_at or step.begun_at
    change = Change("tocsin", step.phase, f"run {run.id}", _done(step, ended - step.begun_at))
    audit.note(connection, change, ended)


def _done(step: Step, lasted: timedelta) -> str:
    """Say what a step did; its output is long, and is held to by its hash."""
    said = f"step {step.number}: {step.said}: {step.outcome} after {lasted.total_seconds():.3f} s"
    detail = f": {step.detail}" if step.detail else ""
    output = hashlib.sha256(step.output.encode("utf-8", "replace")).hexdigest()
    return f"{said}{detail}; output sha256 {output}" if step.output else f"{said}{detail}"


def _step(run: Run, step: Step) -> dict[str, object]:
    values = {name: getattr(step, name) for name in Step.__dataclass_fields__}
    return values | {"run": run.id, "notes": orjson.dumps({**(step.notes or {})}).decode()}


def _agree(connection: Connection, number: int, who: str, now: datetime, change: Change) -> bool:
    asks = select(runs.c.id).where(runs.c.id == number, runs.c.state == State.ASKING)
    if connection.scalar(asks) is None:
        return False
    row = {"run": number, "who": who, "at": now}
    statement = inserting(connection)(consents).on_conflict_do_nothing().returning(consents.c.run)
    if connection.scalar(statement, row) is None:
        return False
    audit.note(connection, change, now)
    return True
