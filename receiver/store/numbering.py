"""From which number on rows are of some time: numbers rise with time, so few rows are read.

An index on times would cost every webhook something, and what looks back can do without.
"""

from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, func, select

from receiver.store.schema import EPOCH

_SLACK = timedelta(hours=1)
"""By so much neighbours may be out of order, as when a clock is set back."""


def first(connection: Connection, times: Column[datetime], moment: datetime) -> int:
    """Return a number below which all rows of a table are from before a moment.

    Some at and above it are too, from shortly before.
    """
    moment = max(EPOCH + _SLACK, moment) - _SLACK
    ids = times.table.c.id
    # One after the other: of two at once, SQLite goes through all rows.
    low = connection.scalar(select(func.min(ids))) or 0
    high = (connection.scalar(select(func.max(ids))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        after = select(times).where(ids >= middle).order_by(ids).limit(1)
        at = connection.scalar(after)
        if at is None or at >= moment:
            high = middle
        else:
            low = middle + 1
    return low
