"""Incidents in numbers: how many, when, how soon somebody had them, and how soon they were over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Connection, cast, func, select
from sqlalchemy.sql.elements import ColumnElement

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
    theirs = (incidents.c.opened_at >= since) & incidents.c.group_key.not_like("tocsin:%")
    count = func.count()
    by_severity = select(incidents.c.severity, count).where(theirs).group_by(incidents.c.severity)
    severities = {row.severity: row[1] for row in connection.execute(by_severity)}
    titles = select(incidents.c.title, count).where(theirs).group_by(incidents.c.title)
    most = titles.order_by(count.desc(), incidents.c.title).limit(_MOST)
    acknowledged, sooner = _mean(connection, acknowledgements.c.first_at, theirs)
    resolved, later = _mean(connection, incidents.c.resolved_at, theirs)
    return Summary(
        sum(severities.values()),
        severities,
        acknowledged,
        sooner,
        resolved,
        later,
        _hours(connection, theirs),
        [(title, number) for title, number in connection.execute(most)],
    )


def _raw(column: ColumnElement[datetime]) -> ColumnElement[int]:
    """Take a time as the microseconds that it is kept as."""
    return cast(column, BigInteger)


def _mean(
    connection: Connection, end: ColumnElement[datetime], which: ColumnElement[bool]
) -> tuple[int, float | None]:
    """Return how many have come to this end, and after how many seconds in which they were open."""
    held = incidents.outerjoin(acknowledgements)
    length = func.sum(_raw(end) - _raw(incidents.c.opened_at))
    query = select(func.count(end), length).select_from(held).where(which)
    count, lasted = connection.execute(query).one()
    between = func.sum(_raw(reopenings.c.at) - _raw(reopenings.c.over_at))
    rests = select(between).select_from(held.join(reopenings)).where(which, reopenings.c.at <= end)
    rested = connection.scalar(rests) or 0
    return count, float(lasted - rested) / count / _SECOND if count else None


def _hours(connection: Connection, which: ColumnElement[bool]) -> list[tuple[datetime, int]]:
    hour = (_raw(incidents.c.opened_at) // _HOUR).label("hour")
    rows = connection.execute(select(hour, func.count()).where(which).group_by(hour).order_by(hour))
    return [(EPOCH + timedelta(hours=int(number)), count) for number, count in rows]
