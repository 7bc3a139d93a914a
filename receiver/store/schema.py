"""The tables. A change here needs a step in `migrations`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    event,
    literal_column,
)
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.elements import ColumnElement

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class StoreUnavailableError(Exception):
    """The store cannot be read or written now; trying again later may help.

    `public` is what everybody may hear of it: where a server is, is not.
    """

    def __init__(self, said: str = "", public: str | None = None) -> None:
        super().__init__(said)
        self.public = said if public is None else public


def _read(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + timedelta(0, 0, value)


_Read = Callable[[int | None], datetime | None]


class Instant(TypeDecorator[datetime]):
    """A point in time, kept as whole microseconds since 1970 in UTC: exact in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Write an aware datetime."""
        return None if value is None else (value - EPOCH) // _MICROSECOND

    def result_processor(self, dialect: Dialect, coltype: object) -> _Read:  # noqa: ARG002 -- SQLAlchemy's signature
        """Read an aware datetime in UTC; what SQLAlchemy would wrap takes twice the time."""
        return _read


# SQLite numbers rows by itself only where the key's type is exactly INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

schema_version = Table("schema_version", MetaData(), Column("version", Integer, nullable=False))

incidents = Table(
    "incidents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("group_hash", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("resolved_at", Instant),
    Column("title", Text, nullable=False),
    Column("severity", Text, nullable=False),  # the worst so far
    Column("about", Text, nullable=False),  # what it can be found by
    Column("reopened", Integer, nullable=False, server_default="0"),  # how often
    Column("reopened_at", Instant),  # the last time
    Column("head", BigInteger),  # what it joined
    Column("joined_at", Instant),
    Column("join_key", Text),  # of a head: what joins it
    Column("members", Integer, nullable=False, server_default="0"),  # that joined it
    Index("incidents_of_group", "group_hash", "id"),
    Index("incidents_by_end", "resolved_at"),
)
Index(
    "one_open_incident",
    incidents.c.group_hash,
    unique=True,
    sqlite_where=incidents.c.resolved_at.is_(None),
    postgresql_where=incidents.c.resolved_at.is_(None),
)
_JOINED, _JOINABLE = incidents.c.head.is_not(None), incidents.c.join_key.is_not(None)
Index("incidents_of_head", incidents.c.head, sqlite_where=_JOINED, postgresql_where=_JOINED)
Index(
    "incidents_by_key",
    incidents.c.join_key,
    incidents.c.id,
    sqlite_where=_JOINABLE,
    postgresql_where=_JOINABLE,
)

reopenings = Table(
    "reopenings",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("over_at", Instant, nullable=False),  # since when it was over
    Column("at", Instant, nullable=False),
)

episodes = Table(
    "episodes",
    metadata,
    Column("group_hash", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("starts_at", Instant, primary_key=True),
    Column("incident", ForeignKey("incidents.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("ends_at", Instant),
    Column("hidden_by", Text),  # the window for which nobody was told that it fires
    Index("episodes_of_incident", "incident", "status"),
    Index("episodes_by_end", "ends_at"),
)
Index(
    "episodes_hidden",
    episodes.c.hidden_by,
    sqlite_where=episodes.c.hidden_by.is_not(None),
    postgresql_where=episodes.c.hidden_by.is_not(None),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("received_at", Instant, nullable=False),
    Column("group_hash", Text, nullable=False),
    Column("delivery_key", Text, nullable=False),
    Column("incident", ForeignKey("incidents.id")),
    Column("body", LargeBinary, nullable=False),  # the first of its slices
    Column("size", Integer, nullable=False),  # bytes, as it came
    Column("left_out", JSON, nullable=False),
    Index("webhooks_of_key", "delivery_key", "received_at"),
    Index("webhooks_of_incident", "incident"),
)
Index(
    "webhooks_without_incident",
    webhooks.c.group_hash,
    sqlite_where=webhooks.c.incident.is_(None),
    postgresql_where=webhooks.c.incident.is_(None),
)

slices = Table(
    "slices",
    metadata,
    Column("webhook", ForeignKey("webhooks.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("webhook", ForeignKey("webhooks.id"), nullable=False),
    Column("incident", ForeignKey("incidents.id")),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("urgent", Integer, nullable=False),  # 1 in the lane of what is critical
    Column("within", BigInteger),  # the delivery whose message told this one too
    Column("held_by", Text),  # the name of the window or of the hours that suppressed it
    Column("attempts", Integer, nullable=False),
    Column("reached", JSON(none_as_null=True)),  # who has it, while others are owed it still
    Column("reached_at", Instant),  # since when somebody has
    Column("accepted_at", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("lease", Instant),
    Column("settled_at", Instant),
    Column("status", Text),
    Column("severity", Text),
    Column("title", Text),
    Column("body", Text),
    Index("deliveries_of_webhook", "webhook"),
    Index("deliveries_of_incident", "incident"),
)


def owed(rows: FromClause = deliveries) -> ColumnElement[bool]:
    """Select what is owed, in the very words of the indexes that hold nothing else."""
    return rows.c.state == literal_column("'owed'")


SETTLED = deliveries.c.state != literal_column("'owed'")
# What is owed and what was settled have no index in common, so that a claim costs the same
# whatever was settled.
for _name, _columns, _where in (
    ("deliveries_in_line", ("channel", "urgent", "id"), owed()),
    ("deliveries_in_order", ("incident", "id"), owed()),
    ("deliveries_by_state", ("state", "channel", "id"), SETTLED),
    ("deliveries_newest", ("state", "id"), SETTLED),
):
    Index(_name, *(deliveries.c[c] for c in _columns), sqlite_where=_where, postgresql_where=_where)

# Statistics of before a storm say that next to nothing is owed, and whoever believes that goes
# through all of it for each message. Without, PostgreSQL takes it for a two-hundredth.
_UNCOUNTED = "ALTER TABLE deliveries ALTER state SET STATISTICS 0"
_uncounted: ExecutableDDLElement = DDL(_UNCOUNTED)  # type: ignore[no-untyped-call]  # it has none
event.listen(deliveries, "after_create", _uncounted.execute_if(dialect="postgresql"))

gates = Table(
    "gates",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("counted_at", Instant, nullable=False),
    Column("paused_until", Instant, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("open_until", Instant, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("delivery", ForeignKey("deliveries.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index("attempts_of_delivery", "delivery", "number", unique=True),
)

places = Table(
    "places",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("place", Text, nullable=False),
    Column("outdated", Integer, nullable=False),  # 1 where another message has told more
)
OUTDATED = places.c.outdated == literal_column("1")
Index(
    "places_outdated",
    places.c.channel,
    places.c.incident,
    sqlite_where=OUTDATED,
    postgresql_where=OUTDATED,
)

keys = Table(
    "keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

pictures = Table(
    "pictures",
    metadata,
    Column("name", Text, primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("pictures_by_age", "made_at"),
)

standings = Table(
    "standings",
    metadata,
    Column("group_hash", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("by", Text, nullable=False),
)
