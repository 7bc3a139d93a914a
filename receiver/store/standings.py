"""How Alertmanager sees what is open here, where that is other than as firing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from receiver.model import Status
from receiver.store import bodies
from receiver.store.schema import episodes, incidents, standings, webhooks

MOST_BODIES = 50
"""Webhooks of one incident that are read; each message of Alertmanager names the whole group."""
_MOST_BYTES = 4 * 2**20
"""Of these, but for the newest, which may be larger: read, they take many times their size."""

Key = tuple[str, str]
"""Hash of the group, and fingerprint."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an open alert is to Alertmanager: silenced, inhibited, muted or missing, since when.

    `by` names who keeps it quiet.
    """

    state: str
    since: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """An open incident; `at` is when its last webhook came."""

    group: str
    receiver: str
    group_key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Open:
    """An episode that fires here; `heard_at` is when its incident's last webhook came."""

    group: str
    fingerprint: str
    starts_at: datetime
    incident: int
    receiver: str
    group_key: str
    heard_at: datetime
    standing: Standing | None = None

    @property
    def key(self) -> Key:
        """What names it in the standings: a group has one firing episode of a fingerprint."""
        return self.group, self.fingerprint


def open_incidents(connection: Connection) -> dict[int, Heard]:
    """Return all incidents that are open, by their numbers."""
    is_open = incidents.c.resolved_at.is_(None)
    # By number, since an index has that; the times are beside the bodies.
    newest = select(func.max(webhooks.c.id)).join(incidents).where(is_open)
    last = newest.group_by(webhooks.c.incident)
    told = select(webhooks.c.incident, webhooks.c.received_at).where(webhooks.c.id.in_(last))
    at = dict(connection.execute(told).all())
    return {
        row.id: Heard(row.group_hash, row.receiver, row.group_key, at.get(row.id, row.opened_at))
        for row in connection.execute(select(incidents).where(is_open))
    }


def open_episodes(connection: Connection) -> list[Open]:
    """Return all that fires, with how it stands; there may be a hundred thousand."""
    heard = open_incidents(connection)
    stands = {
        (row.group_hash, row.fingerprint): Standing(row.state, row.since, row.by)
        for row in connection.execute(select(standings))
    }
    names = (episodes.c.incident, episodes.c.fingerprint, episodes.c.starts_at)
    fires = (incidents.c.resolved_at.is_(None), episodes.c.status == Status.FIRING.value)
    found = []
    for number, name, since in connection.execute(select(*names).join(incidents).where(*fires)):
        of = heard[number]
        stand = stands.get((of.group, name))
        found.append(Open(of.group, name, since, number, of.receiver, of.group_key, of.at, stand))
    return found


def stand(connection: Connection, changes: Sequence[tuple[Key, Standing | None]]) -> None:
    """Write what changed; None is an alert that fires, or that is over."""
    if not changes:
        return
    connection.execute(_DROP, [{"group": key[0], "print": key[1]} for key, _ in changes])
    rows = [
        {
            "group_hash": key[0],
            "fingerprint": key[1],
            "state": standing.state,
            "since": standing.since,
            "by": standing.by,
        }
        for key, standing in changes
        if standing is not None
    ]
    if rows:
        connection.execute(insert(standings), rows)


_DROP = delete(standings).where(
    standings.c.group_hash == bindparam("group"), standings.c.fingerprint == bindparam("print")
)


def over(connection: Connection) -> list[Key]:
    """Return what has a standing and fires no longer."""
    firing = select(episodes.c.fingerprint).where(
        episodes.c.group_hash == standings.c.group_hash,
        episodes.c.fingerprint == standings.c.fingerprint,
        episodes.c.status == Status.FIRING.value,
    )
    keys = select(standings.c.group_hash, standings.c.fingerprint).where(~firing.exists())
    return [(row.group_hash, row.fingerprint) for row in connection.execute(keys)]


def told_of(connection: Connection, incident: int, most: int) -> list[bytes]:
    """Return the latest webhooks of an incident, as they came, newest first."""
    return list(_bodies(connection, incident, most))


def _bodies(connection: Connection, incident: int, most: int) -> Iterator[bytes]:
    newest = select(webhooks.c.id, webhooks.c.size).where(webhooks.c.incident == incident)
    held = 0
    for row in connection.execute(newest.order_by(webhooks.c.id.desc()).limit(most)):
        if held and held + row.size > _MOST_BYTES:
            return
        held += row.size
        yield bodies.unpack(bodies.read(connection, [row.id])[row.id])
