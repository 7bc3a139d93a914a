"""Incidents in numbers: how many, when, how soon somebody had them, and how soon they were over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, RowMapping, func, select, type_coerce
from sqlalchemy.sql.elements import ColumnElement

from receiver.severity import SEVERITIES
from receiver.store.numbering import first
from receiver.store.people import acknowledgements
from receiver.store.schema import EPOCH, incidents, reopenings

_MOST = 10
_SECOND = 1_000_000
_HOUR = 3_600 * _SECOND


@dataclass(frozen=True, slots=True)
class Summary:
    """What began since a time.

    `acknowledged_after` and `resolved_after` are means in seconds (MTTA and MTTR, from the opening
    on, without the time in which it was over before it was opened again; None where there is
    nothing to take the mean of); `hours` counts openings by the hour in
    which they were, and `talkers` the titles that came most often.
    """

    opened: int
    severities: Mapping[str, int]
    acknowledged: int
    acknowledged_after: float | None
    resolved: int
    resolved_after: float | None
    hours: Sequence[tuple[datetime, int]]
    talkers: Sequence[tuple[str, int]]


def summarise(connection: Connection, since: datetime) -> Summary:
    """Count what happened since then, but for what the receiver tells of itself."""
    theirs = incidents.c.id >= first(connection, incidents.c.opened_at, since)
    theirs &= (incidents.c.opened_at >= since) & incidents.c.group_key.not_like("tocsin:%")
    theirs &= incidents.c.head.is_(None)
    hours = _hours(connection, theirs)
    resolved, lasted = (sum(each[name] for each in hours) for name in ("resolved", "lasted"))
    acknowledged, waited = _acknowledged(connection, theirs)
    rested, rested_before = _rested(connection, theirs)
    severities = {name: sum(each[name] for each in hours) for name in SEVERITIES}
    return Summary(
        sum(each["opened"] for each in hours),
        {name: number for name, number in severities.items() if number},
        acknowledged,
        _mean(waited - rested_before, acknowledged),
        resolved,
        _mean(lasted - rested, resolved),
        [(EPOCH + timedelta(hours=int(each["hour"])), each["opened"]) for each in hours],
        _talkers(connection, theirs),
    )


def _mean(lasted: int, count: int) -> float | None:
    return lasted / count / _SECOND if count else None


def _raw(column: ColumnElement[datetime]) -> ColumnElement[int]:
    """Take a time as the microseconds that it is kept as."""
    return type_coerce(column, BigInteger)


def _hours(connection: Connection, which: ColumnElement[bool]) -> Sequence[RowMapping]:
    """Count by the hour, all at once: each time that so many are gone through takes its time."""
    hour = (_raw(incidents.c.opened_at) // _HOUR).label("hour")
    end, count = incidents.c.resolved_at, func.count()
    query = select(
        hour,
        count.label("opened"),
        func.count(end).label("resolved"),
        func.coalesce(func.sum(_raw(end) - _raw(incidents.c.opened_at)), 0).label("lasted"),
        *(count.filter(incidents.c.severity == name).label(name) for name in SEVERITIES),
    )
    rows = connection.execute(query.where(which).group_by(hour).order_by(hour))
    return rows.mappings().all()


def _acknowledged(connection: Connection, which: ColumnElement[bool]) -> tuple[int, int]:
    """Return how many somebody had, and after how many microseconds in all."""
    taken = acknowledgements.c.first_at
    waited = func.sum(_raw(taken) - _raw(incidents.c.opened_at))
    query = select(func.count(), waited).select_from(acknowledgements.join(incidents))
    count, sum_ = connection.execute(query.where(which)).one()
    return count, int(sum_ or 0)


def _rested(connection: Connection, which: ColumnElement[bool]) -> tuple[int, int]:
    """Return how long those that are over rested, and those that were had until they were."""
    again = reopenings.c.at
    between = func.sum(_raw(again) - _raw(reopenings.c.over_at))
    ends = (incidents.c.resolved_at, acknowledgements.c.first_at)
    held = reopenings.join(incidents).outerjoin(
        acknowledgements, acknowledgements.c.incident == incidents.c.id
    )
    query = select(*(func.coalesce(between.filter(again <= end), 0) for end in ends))
    row = connection.execute(query.select_from(held).where(which)).one()
    return int(row[0]), int(row[1])


def _talkers(connection: Connection, which: ColumnElement[bool]) -> list[tuple[str, int]]:
    count = func.count()
    titles = select(incidents.c.title, count).where(which).group_by(incidents.c.title)
    most = titles.order_by(count.desc(), incidents.c.title).limit(_MOST)
    return [(title, number) for title, number in connection.execute(most)]
