"""Incidents and their episodes: what is known of a group, and what a webhook changes in it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from receiver.model import Alert, Notification, Status
from receiver.store.records import Decision, Known, Webhook
from receiver.store.schema import Instant, deliveries, episodes, incidents, webhooks

# Databases bound the parameters of one statement: 32,766 in SQLite, 32,767 in PostgreSQL.
_SLICE = 5000


def known(connection: Connection, notification: Notification) -> Known:
    """Look up what is known of the notification's group and of its alerts."""
    fingerprints = {alert.fingerprint for alert in notification.alerts}
    latest = [
        row
        for part in _sliced(sorted(fingerprints))
        for row in connection.execute(
            select(
                episodes.c.status,
                episodes.c.fingerprint,
                func.max(episodes.c.starts_at, type_=Instant).label("starts_at"),
            )
            .where(episodes.c.group_hash == notification.group_hash)
            .where(episodes.c.fingerprint.in_(part))
            .group_by(episodes.c.status, episodes.c.fingerprint)
        )
    ]
    return Known(
        firing={r.fingerprint: r.starts_at for r in latest if r.status == Status.FIRING},
        resolved={r.fingerprint: r.starts_at for r in latest if r.status == Status.RESOLVED},
        owed_at=connection.scalar(
            select(func.max(webhooks.c.received_at, type_=Instant))
            .join(deliveries)
            .where(webhooks.c.delivery_key == notification.delivery_key)
            .where(or_(deliveries.c.state != "suppressed", deliveries.c.within.is_not(None)))
        ),
    )


def _sliced(values: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(values)
    while part := list(islice(rest, _SLICE)):
        yield part


def record(connection: Connection, webhook: Webhook, seen: Known, decision: Decision) -> int:
    """Note what the webhook says about its group; returns the incident that it belongs to."""
    told = [a for a in webhook.notification.alerts if a.fingerprint not in decision.left_out]
    incident = _incident(connection, webhook, reopen=any(a.status is Status.FIRING for a in told))
    news = [alert for alert in told if seen.is_news(alert)]
    if news:
        _change(connection, webhook.notification.group_hash, incident, news, seen)
        _close(connection, incident, webhook.received_at)
    return incident


def _incident(connection: Connection, webhook: Webhook, *, reopen: bool) -> int:
    """Find the group's incident; a firing alert opens a new one where the last is over."""
    notification = webhook.notification
    last = connection.execute(
        select(incidents.c.id, incidents.c.resolved_at)
        .where(incidents.c.group_hash == notification.group_hash)
        .order_by(incidents.c.id.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and (last.resolved_at is None or not reopen):
        return int(last.id)
    opened = insert(incidents).values(
        group_hash=notification.group_hash,
        receiver=notification.receiver,
        group_key=notification.group_key,
        opened_at=webhook.received_at,
    )
    return int(connection.execute(opened.returning(incidents.c.id)).scalar_one())


def _change(
    connection: Connection, group: str, incident: int, news: Sequence[Alert], seen: Known
) -> None:
    """End the episodes that are over, also those whose end was never told, and add new ones."""
    rows = [
        {
            "group_hash": group,
            "fingerprint": alert.fingerprint,
            "starts_at": alert.starts_at,
            "incident": incident,
            "status": alert.status.value,
            "ends_at": alert.ends_at if alert.status is Status.RESOLVED else None,
        }
        for alert in _latest(news)
    ]
    over = [
        {"print": row["fingerprint"], "upto": row["starts_at"], "end": row["ends_at"]}
        for row in rows
        if row["fingerprint"] in seen.firing
    ]
    if over:
        connection.execute(_end.where(episodes.c.group_hash == group), over)
    begun = [row for row in rows if seen.firing.get(str(row["fingerprint"])) != row["starts_at"]]
    if begun:
        connection.execute(insert(episodes), begun)


_end = (
    update(episodes)
    .where(episodes.c.fingerprint == bindparam("print"))
    .where(episodes.c.starts_at <= bindparam("upto"))
    .where(episodes.c.status == Status.FIRING.value)
    .values(status=Status.RESOLVED.value, ends_at=bindparam("end"))
)


def _latest(alerts: Iterable[Alert]) -> Iterable[Alert]:
    """Keep one alert of each fingerprint: a group holds at most one firing episode of it."""
    return {a.fingerprint: a for a in sorted(alerts, key=lambda a: a.starts_at)}.values()


def _close(connection: Connection, incident: int, now: datetime) -> None:
    """Close the incident once none of its episodes fires."""
    burning = select(episodes.c.fingerprint).where(
        episodes.c.incident == incident, episodes.c.status == Status.FIRING.value
    )
    connection.execute(
        update(incidents)
        .where(incidents.c.id == incident, incidents.c.resolved_at.is_(None), ~burning.exists())
        .values(resolved_at=now)
    )
