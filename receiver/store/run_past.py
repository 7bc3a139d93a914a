"""What is known of other runs when it is decided about one."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from receiver.model import Status
from receiver.store.repairs import consents, runs
from receiver.store.run_records import UNDER_WAY, Past, Run, Since, State, Wanted
from receiver.store.schema import episodes
from receiver.store.stops import breakers_of, switch_of


def past_of(connection: Connection, run: Run, since: Since) -> Past:
    """Return all that is known, but for the run itself."""
    wanted, other = run.wanted, runs.c.id != run.id
    mine, here = runs.c.runbook == wanted.runbook, runs.c.target == wanted.target
    acts, lately = runs.c.state.in_(UNDER_WAY), mine & (runs.c.begun_at >= since.rate)
    near = mine & other & (runs.c.begun_at >= since.blast)
    ended = select(func.max(runs.c.ended_at, type_=runs.c.ended_at.type))
    switch = switch_of(connection)
    open_ = breakers_of(connection).get(wanted.runbook)
    return Past(
        fires=_fires(connection, wanted),
        running=_count(connection, acts & other),
        of_runbook=_count(connection, acts & other & mine),
        on_target=_count(connection, acts & other & here),
        begun=_count(connection, other & mine & _of_episode(wanted) & runs.c.begun_at.is_not(None)),
        recent=_count(connection, lately & other),
        targets=frozenset(connection.scalars(select(runs.c.target).where(near).distinct())),
        last=connection.scalar(ended.where(mine & here & other & runs.c.begun_at.is_not(None))),
        verified=_count(connection, mine & _AGREED_AND_HELPED),
        switch=f"{switch[1]}: {switch[2]}" if switch else "",
        breaker=open_[1] if open_ else "",
        agreed=agreed_of(connection, run.id),
    )


_AGREED = select(consents.c.run).where(consents.c.run == runs.c.id).exists()
_AGREED_AND_HELPED = _AGREED & (runs.c.state == State.VERIFIED)


def _of_episode(wanted: Wanted) -> Any:
    same = runs.c.fingerprint == wanted.fingerprint
    return same & (runs.c.starts_at == wanted.starts_at)


def _count(connection: Connection, where: Any) -> int:
    return connection.scalar(select(func.count()).select_from(runs).where(where)) or 0


def _fires(connection: Connection, wanted: Wanted) -> bool:
    here = (episodes.c.incident == wanted.incident) & (episodes.c.fingerprint == wanted.fingerprint)
    found = select(episodes.c.fingerprint).where(here, episodes.c.starts_at == wanted.starts_at)
    return connection.scalar(found.where(episodes.c.status == Status.FIRING.value)) is not None


def agreed_of(connection: Connection, number: int) -> dict[str, datetime]:
    """Return who agreed to a run, and when, in order."""
    query = select(consents.c.who, consents.c.at).where(consents.c.run == number)
    return {row.who: row.at for row in connection.execute(query.order_by(consents.c.at))}


def helped(connection: Connection) -> dict[str, int]:
    """Count by runbook the runs to which people agreed and that helped."""
    query = select(runs.c.runbook, func.count()).where(_AGREED_AND_HELPED).group_by(runs.c.runbook)
    return {row[0]: row[1] for row in connection.execute(query)}
