"""Incidents and their episodes: what is known of groups, and what webhooks change in them.

Webhooks that share a transaction share its statements too, each made once for all times: putting
a statement together costs more than running it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, select, update

from receiver.model import ASSUMED, Alert, Notification, Status
from receiver.severity import SEVERITIES
from receiver.store import bulk, past
from receiver.store.joining import join, worsen
from receiver.store.past import ASSUMED_OVER
from receiver.store.records import Decision, Join, Known, Terms, Webhook
from receiver.store.reopening import Ended, Reopening, life, reopen
from receiver.store.schema import episodes, incidents

_ROWS = 1000
"""Rows of one statement of SQLAlchemy at most, which holds each several times over."""
_LONGEST = 1000
"""Letters of a title, and of what an incident can be found by."""
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Case:
    """A webhook with what was known of its group before; `incident` is the group's last one.

    `ended` says of that how it ended, if it has, and `head` what it joined, if anything. One that
    opens now may `join` others.
    """

    webhook: Webhook
    group: str
    key: str
    seen: Known
    incident: int | None
    is_open: bool
    severity: str = ""
    ended: Ended | None = None
    head: int | None = None
    join: Join | None = None

    def told(self, decision: Decision) -> list[Alert]:
        """Return the alerts that count."""
        if not decision.left_out:
            return list(self.webhook.notification.alerts)
        left_out = set(decision.left_out)
        return [a for a in self.webhook.notification.alerts if a.fingerprint not in left_out]


def look_up(connection: Connection, told: Sequence[tuple[Webhook, Terms]]) -> list[Case]:
    """Look up what is known of the webhooks' groups, which are all different, and alerts."""
    named = [(w, t, w.notification.group_hash, w.notification.delivery_key) for w, t in told]
    last = past.last_incidents(connection, [group for _, _, group, _ in named])
    keys = [key for _, _, group, key in named if group in last]
    owed = past.owed_lately(connection, keys, min(w.received_at for w, _ in told)) if keys else {}
    cases = []
    for webhook, terms, group, key in named:
        row = last.get(group)
        if row is None:
            cases.append(Case(webhook, group, key, Known(), None, is_open=False, join=terms.join))
            continue
        prints = {a.fingerprint for a in webhook.notification.alerts}
        seen = past.known(
            connection, group, prints, webhook.received_at, owed.get(key), terms.depth
        )
        over = row.resolved_at
        often = (row.reopened, terms.reopen, row.head)
        ended = None if over is None else Ended(row.id, over, *often)
        how = (row.id, over is None, row.severity, ended, row.head, terms.join)
        cases.append(Case(webhook, group, key, seen, *how))
    return cases


def _sliced(values: Sequence[_Value], size: int) -> Iterator[list[_Value]]:
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def record(
    connection: Connection, cases: Sequence[Case], decisions: Sequence[Decision]
) -> list[int | None]:
    """Note what the webhooks say about their groups; returns the incidents they belong to."""
    told = [case.told(decision) for case, decision in zip(cases, decisions, strict=True)]
    belongs = _incidents(connection, cases, decisions, told)
    changes = _Changes([], [], [], [], [], [])
    for case, decision, incident, alerts in zip(cases, decisions, belongs, told, strict=True):
        news = [alert for alert in alerts if case.seen.is_news(alert)]
        if incident is not None and news:
            changes.add(case, incident, news, decision)
    changes.write(connection)
    return belongs


def _incidents(
    connection: Connection,
    cases: Sequence[Case],
    decisions: Sequence[Decision],
    told: Sequence[Sequence[Alert]],
) -> list[int | None]:
    """Find each group's incident; a firing alert opens the last again, or a new one."""
    belongs = [
        case.incident if decision.incident else None
        for case, decision in zip(cases, decisions, strict=True)
    ]
    fresh: list[int] = []
    again: list[Reopening] = []
    for index, (case, decision) in enumerate(zip(cases, decisions, strict=True)):
        if case.is_open or not decision.incident:
            continue
        if case.ended is None:
            fresh.append(index)
        elif any(alert.status is Status.FIRING for alert in told[index]):
            now = case.webhook.received_at
            if life(case.ended, now) == "reopened":
                again.append((case.ended, now))
            else:
                fresh.append(index)
    reopen(connection, again)
    numbers = bulk.numbers(connection, incidents, len(fresh)) if fresh else ()
    opened = [opening(cases[i].webhook, n) for i, n in zip(fresh, numbers, strict=True)]
    joins = [cases[index].join for index in fresh]
    rows = list(join(connection, opened, joins)) if any(joins) else opened
    bulk.add(connection, incidents, rows)
    for index, number in zip(fresh, numbers, strict=True):
        belongs[index] = number
    return belongs


def opening(webhook: Webhook, number: int) -> dict[str, Any]:
    """Return the row of an incident that a webhook opens."""
    notification = webhook.notification
    return {
        "id": number,
        "group_hash": notification.group_hash,
        "receiver": notification.receiver,
        "group_key": notification.group_key,
        "opened_at": webhook.received_at,
        "title": notification.topic[:_LONGEST],
        "severity": notification.severity.name,
        "about": _about(notification),
    }


def _about(told: Notification) -> str:
    """Return what people may look for: names and values of what all alerts have alike."""
    alike = {**told.group_labels, **told.common_labels}
    return " ".join(f"{name}={value}" for name, value in alike.items())[:_LONGEST]


@dataclass(frozen=True, slots=True)
class _Changes:
    """Rows to write: episodes that end, begin, or go on after all; incidents that may be over."""

    over: list[dict[str, Any]]
    begun: list[dict[str, Any]]
    again: list[dict[str, Any]]
    quiet: list[dict[str, Any]]
    worse: list[dict[str, Any]]
    heads: list[tuple[int, str]]

    def add(self, case: Case, incident: int, news: Sequence[Alert], decision: Decision) -> None:
        """Add what one webhook changes, also of episodes whose end was never told."""
        burning = case.seen.firing
        hidden, by = decision.hidden, decision.hidden_by
        latest = list(_latest(news))
        assumed = case.webhook.notification.reason == ASSUMED
        end = ASSUMED_OVER if assumed else Status.RESOLVED.value
        for alert in latest:
            row = {
                "group_hash": case.group,
                "fingerprint": alert.fingerprint,
                "starts_at": alert.starts_at,
                "incident": incident,
                "status": end if alert.status is Status.RESOLVED else alert.status.value,
                "ends_at": alert.ends_at if alert.status is Status.RESOLVED else None,
                "hidden_by": by.mark if by and alert.fingerprint in hidden else None,
            }
            since = burning.get(alert.fingerprint)
            if since is not None and since <= alert.starts_at:
                self.over.append(_bound(row) | {"the_starts_at": since, "the_end": end})
            if case.seen.assumed.get(alert.fingerprint) == alert.starts_at:
                self.again.append(_bound(row))
            elif since != alert.starts_at:
                self.begun.append(row)
        now = case.webhook.notification.severity
        if incident == case.incident and now.rank < SEVERITIES[case.severity].rank:
            self.worse.append({"the_incident": incident, "the_severity": now.name})
            if case.head:
                self.heads.append((case.head, now.name))
        if all(alert.status is Status.RESOLVED for alert in latest):
            over = {"now": case.webhook.received_at}
            self.quiet.append({"the_incident": incident, **over})
            if incident == case.incident and case.head:
                self.quiet.append({"the_incident": case.head, **over})

    def write(self, connection: Connection) -> None:
        for part in _sliced(self.over, _ROWS):
            connection.execute(_END, part)
        # One that is there is an old story told late, while a clock is set back.
        bulk.add(connection, episodes, self.begun, anew=False)
        each = ((_GO_ON, self.again), (_CLOSE, self.quiet), (_WORSEN, self.worse))
        for statement, values in each:
            for part in _sliced(values, _ROWS):
                connection.execute(statement, part)
        worsen(connection, self.heads)


def _bound(row: dict[str, Any]) -> dict[str, Any]:
    """Name the values as a statement's parameters, which must not be called like columns."""
    return {f"the_{name}": value for name, value in row.items()}


_END = (
    update(episodes)
    .where(episodes.c.group_hash == bindparam("the_group_hash"))
    .where(episodes.c.fingerprint == bindparam("the_fingerprint"))
    .where(episodes.c.starts_at == bindparam("the_starts_at"))
    .where(episodes.c.status == Status.FIRING.value)
    .values(status=bindparam("the_end"), ends_at=bindparam("the_ends_at"))
)
# An episode that was only assumed to be over fires still, and belongs to the new incident.
_GO_ON = (
    update(episodes)
    .where(episodes.c.group_hash == bindparam("the_group_hash"))
    .where(episodes.c.fingerprint == bindparam("the_fingerprint"))
    .where(episodes.c.starts_at == bindparam("the_starts_at"))
    .values(status=bindparam("the_status"), incident=bindparam("the_incident"), ends_at=None)
)
_WORSEN = (
    update(incidents)
    .where(incidents.c.id == bindparam("the_incident"))
    .values(severity=bindparam("the_severity"))
)
_FIRES = select(episodes.c.fingerprint).where(episodes.c.status == Status.FIRING.value)
_members = incidents.alias()
# An incident is over once none of its episodes fires, nor any of those that joined it.
_CLOSE = (
    update(incidents)
    .where(incidents.c.id == bindparam("the_incident"), incidents.c.resolved_at.is_(None))
    .where(~_FIRES.where(episodes.c.incident == incidents.c.id).exists())
    .where(
        ~_FIRES.join(_members, _members.c.id == episodes.c.incident)
        .where(_members.c.head == incidents.c.id)
        .exists()
    )
    .values(resolved_at=bindparam("now"))
)


def _latest(alerts: Iterable[Alert]) -> Iterable[Alert]:
    """Keep one alert of each fingerprint: a group holds at most one firing episode of it."""
    return {a.fingerprint: a for a in sorted(alerts, key=lambda a: a.starts_at)}.values()
