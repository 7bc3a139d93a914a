"""A store that has seen a month of many incidents, written in bulk."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Table

from receiver.intake.webhook import parse
from receiver.model import Notification
from receiver.store import bodies, bulk
from receiver.store.clock import utc_now
from receiver.store.engine import open_engines
from receiver.store.episodes import opening
from receiver.store.people import acknowledgements, audit, comments, verdicts
from receiver.store.records import Webhook
from receiver.store.schema import (
    attempts,
    deliveries,
    episodes,
    incidents,
    reopenings,
    standings,
    webhooks,
)
from receiver.store.store import Store
from tests.receiver.webhooks import alert, body

LASTED = timedelta(days=30)
OPEN = 300
"""The newest, which fire still."""
_GROUPS, _RULES = 2_000, 150
_CHUNK = 4_000
_CHANNELS = ("inbox", "chat")
_SEVERITIES = ("critical", "warning", "warning", "info")
_TEXT = "Rule on host: it is not as it should be, and that for a while.\n" * 5


@dataclass(frozen=True, slots=True)
class Group:
    """What Alertmanager says of a group: that it fires, and that it is over."""

    fires: Notification
    over: Notification
    said: tuple[tuple[bytes, int], tuple[bytes, int]]
    """Each as it is kept, and its size as it came."""


def group(number: int) -> Group:
    """Return a group of some alerts, now and then of many."""
    size = 200 if number % 100 == 0 else 1 + number % 5
    severity, rule = _SEVERITIES[number % 4], f"Rule{number % _RULES}"

    def raw(status: str) -> bytes:
        named = (f"{number:05}-{each}" for each in range(size))
        told = [alert(name, status, alertname=rule, severity=severity) for name in named]
        alike = {"alertname": rule, "cluster": f"c{number}"}
        return body(told, groupKey=f"g-{number}", groupLabels=alike, commonLabels=alike)

    both = raw("firing"), raw("resolved")
    kept = [(b"".join(bodies.pack(one)), len(one)) for one in both]
    return Group(parse(both[0]), parse(both[1]), (kept[0], kept[1]))


class Rows:
    """Rows to write, table by table."""

    def __init__(self) -> None:
        self._of: defaultdict[Table, list[Mapping[str, Any]]] = defaultdict(list)

    def add(self, table: Table, **row: Any) -> None:
        """Add a row; all of a table have the same columns."""
        self._of[table].append(row)

    def write(self, connection: Connection) -> None:
        """Write all of them, each table after those that it refers to."""
        for table in incidents.metadata.sorted_tables:
            bulk.add(connection, table, self._of.pop(table, []))


async def fill(database: Path | URL, number: int) -> int:
    """Make and fill a store; returns the number of the newest incident."""
    await (await Store.open(database, parse)).close()
    engines = open_engines(database, 30)
    with engines.writing.begin() as connection:
        last = _write(connection, number)
    if isinstance(database, URL):  # as it does by itself in time
        with engines.reading.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
    for engine in {engines.writing, engines.claiming, engines.reading}:
        engine.dispose()
    return last


def _write(connection: Connection, number: int) -> int:
    groups, now, last = [group(each) for each in range(_GROUPS)], utc_now(), 0
    for start in range(0, number, _CHUNK):
        count = min(_CHUNK, number - start)
        ids = list(bulk.numbers(connection, incidents, count))
        told = iter(bulk.numbers(connection, webhooks, 2 * count))
        sent = iter(bulk.numbers(connection, deliveries, 4 * count))
        rows = Rows()
        for index, name in enumerate(ids, start):
            at = now - LASTED * (1 - index / number)
            end = None if index >= number - OPEN else at + timedelta(minutes=1 + index * 7 % 60)
            case = Case(name, index, at, end, groups[index % _GROUPS])
            case.write(rows, told, sent)
        rows.write(connection)
        last = ids[-1]
    return last


@dataclass(frozen=True, slots=True)
class Case:
    """One incident, the `index`th; `end` is None where it fires still."""

    number: int
    index: int
    at: datetime
    end: datetime | None
    group: Group

    def write(self, rows: Rows, told: Iterator[int], sent: Iterator[int]) -> None:
        """Add all rows of it; `told` and `sent` number its webhooks and their messages."""
        opened = opening(Webhook(b"", self.group.fires, self.at), self.number)
        rows.add(incidents, **opened, resolved_at=self.end)
        self._alerts(rows)
        self._people(rows)
        self._message(rows, 0, self.at, told, sent)
        if self.end is not None:
            self._message(rows, 1, self.end, told, sent)

    def _alerts(self, rows: Rows) -> None:
        status = "firing" if self.end is None else "resolved"
        for each in self.group.fires.alerts:
            key = {"group_hash": self.group.fires.group_hash, "fingerprint": each.fingerprint}
            this = {"starts_at": self.at, "incident": self.number}
            rows.add(episodes, **key, **this, status=status, ends_at=self.end)
            if self.end is None and self.index % 5 == 0:
                rows.add(standings, **key, state="silenced", since=self.at, by="s1")

    def _people(self, rows: Rows) -> None:
        soon, subject = self.at + timedelta(minutes=2), f"incident {self.number}"
        this = {"incident": self.number, "at": soon, "who": "ada"}
        if self.index % 2 == 0:
            rows.add(acknowledgements, **this, until=None, comment="", first_at=soon)
            rows.add(audit, at=soon, who="ada", action="acknowledge", subject=subject, detail="")
        if self.index % 5 == 0:
            rows.add(comments, **this, text="I look at it.")
        if self.index % 10 == 0:
            rows.add(verdicts, **this, verdict="noise", note="")
        if self.index % 20 == 1 and self.end:
            rows.add(reopenings, incident=self.number, number=1, over_at=self.at, at=self.at)

    def _message(
        self, rows: Rows, which: int, at: datetime, told: Iterator[int], sent: Iterator[int]
    ) -> None:
        notification = (self.group.fires, self.group.over)[which]
        said, size = self.group.said[which]
        webhook = next(told)
        this = {"id": webhook, "received_at": at, "group_hash": notification.group_hash}
        this |= {"delivery_key": notification.delivery_key, "left_out": []}
        rows.add(webhooks, **this, incident=self.number, body=said, size=size)
        for channel in _CHANNELS:
            self._delivery(rows, next(sent), webhook, channel, at, notification)

    def _delivery(
        self, rows: Rows, name: int, webhook: int, channel: str, at: datetime, told: Notification
    ) -> None:
        dead = channel == "chat" and self.index % 30 == 0
        hidden = channel == "chat" and self.index % 20 == 3
        state = "dead" if dead else "suppressed" if hidden else "sent"
        reason = "rejected" if dead else "mute_time" if hidden else ""
        row = {"id": name, "webhook": webhook, "incident": self.number, "channel": channel}
        row |= {"state": state, "reason": reason, "attempts": int(not hidden)}
        row |= dict.fromkeys(("accepted_at", "not_before", "settled_at"), at)
        words = {"status": told.status, "severity": told.severity.name}
        words |= {"title": told.topic, "body": _TEXT}
        rows.add(deliveries, **row, urgent=0, **(dict.fromkeys(words) if hidden else words))
        if not hidden:
            this = {"delivery": name, "number": 1, "started_at": at, "ended_at": at}
            detail = "HTTP 400" if dead else ""
            rows.add(attempts, **this, outcome=state, reason=reason, detail=detail)
