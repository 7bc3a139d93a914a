"""What is known of groups before a webhook, found without going through all of their past.

A group that flaps every other minute has tens of thousands of incidents and episodes behind it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.sql.selectable import TableValuedAlias

from receiver.model import Status
from receiver.store.records import LOOKED_AT, Known
from receiver.store.schema import Instant, deliveries, episodes, incidents, webhooks

ASSUMED_OVER = "assumed"
"""The status of an episode of which nobody but the receiver said that it is over."""
_LATELY = timedelta(hours=1)
"""Much longer than webhooks that say the same are duplicates of each other."""
_LEAST = datetime.min.replace(tzinfo=UTC)
_LAST_NAMES = ("id", "group_hash", "resolved_at", "severity", "reopened", "head")
_LAST_COLUMNS = tuple(incidents.c[n] for n in _LAST_NAMES)
_LARGEST_ID = 2**63 - 1
_MOMENT = timedelta(microseconds=1)
_SKEW = timedelta(minutes=5)
"""By which a sender's clock may be ahead of ours."""
_SOON = bindparam("soon", type_=Instant)


def last_incidents(
    connection: Connection, groups: Iterable[str]
) -> dict[str, Row[int, str, datetime | None, str, int, int | None]]:
    """Return the last incident of each group that has any."""
    rows = connection.execute(_LAST[connection.dialect.name], {"each": _json(groups)})
    return {row.group_hash: row for row in rows}


def owed_lately(
    connection: Connection, keys: Sequence[str], now: datetime
) -> Mapping[str, datetime]:
    """Return when webhooks with these delivery keys were last owed to somebody."""
    rows = connection.execute(_OWED, {"keys": keys, "since": now - _LATELY})
    return {row.delivery_key: row.at for row in rows}


def known(
    connection: Connection,
    group: str,
    prints: Iterable[str],
    now: datetime,
    owed_at: datetime | None,
    depth: int = LOOKED_AT,
) -> Known:
    """Return what is known of some alerts of a group, from the newest `depth` episodes of each."""
    values = {"group": group, "each": _json(prints), "depth": depth, "before": depth - 1}
    values["soon"] = now + _SKEW
    latest: defaultdict[str, dict[str, datetime]] = defaultdict(dict)
    first: dict[str, datetime] = {}
    hidden: dict[str, str] = {}
    ahead: dict[str, datetime] = {}
    count: defaultdict[str, int] = defaultdict(int)
    for row in connection.execute(_LATEST[connection.dialect.name], values):
        name = row.fingerprint
        over = row.status == Status.RESOLVED.value
        if over and row.sane != row.last:
            ahead[name] = row.last
        if begun := row.sane if over else row.last:
            latest[row.status][name] = begun
        first[name] = min(row.first, first.get(name, row.first))
        count[name] += row.several
        if row.hidden_by and row.status == Status.FIRING.value:
            hidden[name] = row.hidden_by
    resolved = latest[Status.RESOLVED.value]
    often = {name: began for name, began in first.items() if count[name] == depth}
    for name, began in often.items():
        resolved.setdefault(name, max(began, _LEAST + _MOMENT) - _MOMENT)
    return Known(
        latest[Status.FIRING.value], resolved, latest[ASSUMED_OVER], owed_at, hidden, often, ahead
    )


def _json(values: Iterable[str]) -> str:
    return orjson.dumps(list(values)).decode()


def _last(each: TableValuedAlias) -> Select[Any]:
    """Find the last incident of a group, or where it has none that of the group before it.

    By group and number together: PostgreSQL might else go through all of them by number.
    """
    order = (incidents.c.group_hash, incidents.c.id)
    upto = select(*_LAST_COLUMNS).where(tuple_(*order) <= tuple_(each.c.value, _LARGEST_ID))
    return upto.order_by(*(column.desc() for column in order)).limit(1).correlate(each)


def _last_in_sqlite(each: TableValuedAlias) -> Select[Any]:
    number = _last(each).with_only_columns(incidents.c.id).scalar_subquery()
    return select(*_LAST_COLUMNS).where(incidents.c.id.in_(select(number).select_from(each)))


def _last_in_postgresql(each: TableValuedAlias) -> Select[Any]:
    found = _last(each).lateral()
    return select(found).select_from(each.join(found, true()))


def _latest(each: TableValuedAlias, found: FromClause, beside: ColumnElement[bool]) -> Select[Any]:
    """Say for each alert and status when its episodes began, of those that were found."""
    return (
        select(
            each.c.value.label("fingerprint"),
            found.c.status,
            func.max(found.c.starts_at, type_=Instant).label("last"),
            func.max(case((found.c.starts_at <= _SOON, found.c.starts_at)), type_=Instant).label(
                "sane"
            ),
            func.min(found.c.starts_at, type_=Instant).label("first"),
            func.count().label("several"),
            func.max(found.c.hidden_by).label("hidden_by"),
        )
        .select_from(each.join(found, beside))
        .group_by(each.c.value, found.c.status)
    )


def _of_it(table: FromClause, each: TableValuedAlias) -> ColumnElement[bool]:
    return (table.c.group_hash == bindparam("group")) & (table.c.fingerprint == each.c.value)


def _latest_in_sqlite(each: TableValuedAlias) -> Select[Any]:
    """Find the newest episodes by their times, for want of LATERAL."""
    newer = episodes.alias()
    newest = select(newer.c.starts_at).where(_of_it(newer, each)).order_by(newer.c.starts_at.desc())
    nth = (
        newest.limit(1).offset(bindparam("before", type_=Integer)).correlate(each).scalar_subquery()
    )
    since = func.coalesce(nth, literal(_LEAST, Instant), type_=Instant)
    return _latest(each, episodes, _of_it(episodes, each) & (episodes.c.starts_at >= since))


def _latest_in_postgresql(each: TableValuedAlias) -> Select[Any]:
    """Find them for one alert after the other: a join would go through all of their past."""
    columns = (episodes.c.status, episodes.c.starts_at, episodes.c.hidden_by)
    newest = select(*columns).where(_of_it(episodes, each)).order_by(episodes.c.starts_at.desc())
    found = newest.limit(bindparam("depth", type_=Integer)).correlate(each).lateral()
    return _latest(each, found, true())


_SQLITE = func.json_each(bindparam("each", type_=Text)).table_valued("value", name="each")
_TEXTS = func.json_array_elements_text(cast(bindparam("each", type_=Text), JSON))
_POSTGRESQL = _TEXTS.table_valued("value", name="each")
_LAST = {
    "sqlite": _last_in_sqlite(_SQLITE),
    "postgresql": _last_in_postgresql(_POSTGRESQL),
}
_LATEST = {
    "sqlite": _latest_in_sqlite(_SQLITE),
    "postgresql": _latest_in_postgresql(_POSTGRESQL),
}
_OWED = (
    select(webhooks.c.delivery_key, func.max(webhooks.c.received_at, type_=Instant).label("at"))
    .join(deliveries)
    .where(webhooks.c.delivery_key.in_(bindparam("keys", expanding=True)))
    .where(webhooks.c.received_at >= bindparam("since", type_=Instant))
    .where(or_(deliveries.c.state != "suppressed", deliveries.c.within.is_not(None)))
    .group_by(webhooks.c.delivery_key)
)
