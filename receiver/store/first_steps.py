"""The steps to the tables of before people acted; released, and so never changed."""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
)

from receiver.store.altering import add_column, add_index, add_table

_ID = BigInteger().with_variant(Integer, "sqlite")


def _slices(connection: Connection) -> None:
    add_table(
        connection,
        "slices",
        Column("webhook", ForeignKey("webhooks.id"), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("data", LargeBinary, nullable=False),
    )


def _gates(connection: Connection) -> None:
    add_column(
        connection, "deliveries", Column("urgent", Integer, nullable=False, server_default="0")
    )
    add_column(connection, "deliveries", Column("within", BigInteger))
    add_index(connection, "deliveries_in_line", "deliveries (channel, state, urgent, id)")
    add_table(
        connection,
        "gates",
        Column("destination", Text, primary_key=True),
        Column("tokens", Float, nullable=False),
        Column("counted_at", BigInteger, nullable=False),
        Column("paused_until", BigInteger, nullable=False),
        Column("failures", Integer, nullable=False),
        Column("open_until", BigInteger, nullable=False),
    )


def _sizes(connection: Connection) -> None:
    add_column(connection, "webhooks", Column("size", Integer, nullable=False, server_default="0"))
    connection.exec_driver_sql("UPDATE webhooks SET size = length(body)")


def _notices(connection: Connection) -> None:
    add_index(connection, "deliveries_newest", "deliveries (state, id)")


def _ends(connection: Connection) -> None:
    for name, columns in {
        "webhooks_of_incident": "webhooks (incident)",
        "deliveries_of_incident": "deliveries (incident)",
        "episodes_by_end": "episodes (ends_at)",
        "incidents_by_end": "incidents (resolved_at)",
    }.items():
        add_index(connection, name, columns)


def _audit(connection: Connection) -> None:
    add_table(
        connection,
        "audit",
        Column("id", _ID, primary_key=True),
        Column("at", BigInteger, nullable=False),
        Column("who", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("detail", Text, nullable=False),
    )
    add_table(
        connection,
        "standings",
        Column("group_hash", Text, primary_key=True),
        Column("fingerprint", Text, primary_key=True),
        Column("state", Text, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("by", Text, nullable=False),
    )


def _apart(connection: Connection) -> None:
    for name, columns, where in (
        ("deliveries_in_line", "deliveries (channel, urgent, id)", "state = 'owed'"),
        ("deliveries_in_order", "deliveries (incident, id)", "state = 'owed'"),
        ("deliveries_by_state", "deliveries (state, channel, id)", "state != 'owed'"),
        ("deliveries_newest", "deliveries (state, id)", "state != 'owed'"),
    ):
        connection.exec_driver_sql(f"DROP INDEX {name}")
        add_index(connection, name, columns, where)
    if connection.dialect.name == "postgresql":
        # The change of the type, to what it is, drops the statistics that there are.
        connection.exec_driver_sql("ALTER TABLE deliveries ALTER state TYPE TEXT")
        connection.exec_driver_sql("ALTER TABLE deliveries ALTER state SET STATISTICS 0")


def _places(connection: Connection) -> None:
    add_table(
        connection,
        "places",
        Column("incident", ForeignKey("incidents.id"), primary_key=True),
        Column("channel", Text, primary_key=True),
        Column("place", Text, nullable=False),
    )


FIRST = (_slices, _gates, _sizes, _notices, _ends, _audit, _apart, _places)
