"""How Alertmanager sees what is open here, where that is other than as firing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from receiver.model import Status
from receiver.store import bodies
from receiver.store.schema import Instant, episodes, incidents, standings, webhooks

_MOST_BODIES = 50
"""Webhooks of one incident that are read; each message of Alertmanager names the whole group."""

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


def open_episodes(connection: Connection) -> list[Open]:
    """Return all that fires, with how it stands."""
    heard = dict(
        connection.execute(
            select(webhooks.c.incident, func.max(webhooks.c.received_at, type_=Instant))
            .join(incidents)
            .where(incidents.c.resolved_at.is_(None))
            .group_by(webhooks.c.incident)
        ).all()
    )
    stands = {
        (row.group_hash, row.fingerprint): Standing(row.state, row.since, row.by)
        for row in connection.execute(select(standings))
    }
    rows = connection.execute(
        select(episodes, incidents.c.receiver, incidents.c.group_key, incidents.c.opened_at)
        .join(incidents)
        .where(incidents.c.resolved_at.is_(None), episodes.c.status == Status.FIRING.value)
    )
    return [
        Open(
            row.group_hash,
            row.fingerprint,
            row.starts_at,
            row.incident,
            row.receiver,
            row.group_key,
            heard.get(row.incident, row.opened_at),
            stands.get((row.group_hash, row.fingerprint)),
        )
        for row in rows
    ]


def stand(connection: Connection, changes: Mapping[Key, Standing | None]) -> None:
    """Write what changed; None is an alert that fires, or that is over."""
    for (group, fingerprint), standing in changes.items():
        here = (standings.c.group_hash == group, standings.c.fingerprint == fingerprint)
        connection.execute(delete(standings).where(*here))
        if standing is not None:
            row = {"state": standing.state, "since": standing.since, "by": standing.by}
            key = {"group_hash": group, "fingerprint": fingerprint}
            connection.execute(insert(standings).values(**key, **row))
    _clear(connection)


def _clear(connection: Connection) -> None:
    """Drop the standings of what is over."""
    firing = select(episodes.c.fingerprint).where(
        episodes.c.group_hash == standings.c.group_hash,
        episodes.c.fingerprint == standings.c.fingerprint,
        episodes.c.status == Status.FIRING.value,
    )
    connection.execute(delete(standings).where(~firing.exists()))


def told_of(connection: Connection, incident: int) -> list[bytes]:
    """Return the latest webhooks of an incident, as they came, newest first."""
    return list(_bodies(connection, incident))


def _bodies(connection: Connection, incident: int) -> Iterator[bytes]:
    newest = select(webhooks.c.id).where(webhooks.c.incident == incident)
    for number in connection.scalars(newest.order_by(webhooks.c.id.desc()).limit(_MOST_BODIES)):
        yield bodies.unpack(bodies.read(connection, [number])[number])
