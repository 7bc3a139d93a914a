"""The steps from one version of the tables to the next, taken when a store is opened.

A change of `schema` needs a step at the end of STEPS that makes the same change in an older
store; a test upgrades a store of version 1 and compares. A released step never changes, so it
says names and types itself and takes none from `schema`. A step that fails undoes all of them.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
    insert,
    select,
    update,
)

from receiver.store import response_steps
from receiver.store.altering import add_column, add_index, add_table
from receiver.store.first_steps import FIRST
from receiver.store.repairs import EVERY
from receiver.store.schema import schema_version

Step = Callable[[Connection], None]

_ID = BigInteger().with_variant(Integer, "sqlite")


class StoreVersionError(Exception):
    """The store was written by a newer Tocsin."""


def migrate(connection: Connection, steps: Sequence[Step] | None = None) -> None:
    """Bring the tables to the newest version; raises StoreVersionError for one still newer."""
    steps = STEPS if steps is None else steps
    schema_version.create(connection, checkfirst=True)
    newest = 1 + len(steps)
    found = connection.scalar(select(schema_version.c.version))
    if found is None:
        EVERY.create_all(connection)
        connection.execute(insert(schema_version).values(version=newest))
        return
    if found > newest:
        raise StoreVersionError(f"its tables have version {found}, this Tocsin knows {newest}")
    for step in steps[found - 1 :]:
        step(connection)
    connection.execute(update(schema_version).values(version=newest))


def _handling(connection: Connection) -> None:
    add_table(
        connection,
        "acknowledgements",
        Column("incident", ForeignKey("incidents.id"), primary_key=True),
        Column("who", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("until", BigInteger),
    )
    add_table(
        connection,
        "keys",
        Column("name", Text, primary_key=True),
        Column("value", LargeBinary, nullable=False),
    )


def _pictures(connection: Connection) -> None:
    add_table(
        connection,
        "pictures",
        Column("name", Text, primary_key=True),
        Column("made_at", BigInteger, nullable=False),
        Column("data", LargeBinary, nullable=False),
    )
    add_index(connection, "pictures_by_age", "pictures (made_at)")


def _outdated(connection: Connection) -> None:
    add_column(
        connection, "places", Column("outdated", Integer, nullable=False, server_default="0")
    )
    add_index(connection, "places_outdated", "places (channel, incident)", "outdated = 1")


def _rota(connection: Connection) -> None:
    add_table(
        connection,
        "overrides",
        Column("id", _ID, primary_key=True),
        Column("schedule", Text, nullable=False),
        Column("person", Text, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("until", BigInteger, nullable=False),
        Column("who", Text, nullable=False),
        Column("made_at", BigInteger, nullable=False),
    )
    add_index(connection, "overrides_by_end", "overrides (until)")
    add_table(
        connection,
        "handovers",
        Column("schedule", Text, primary_key=True),
        Column("person", Text, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("until", BigInteger, nullable=False),
    )


def _quiet(connection: Connection) -> None:
    add_column(connection, "episodes", Column("hidden_by", Text))
    add_column(connection, "deliveries", Column("held_by", Text))
    add_table(
        connection,
        "held",
        Column("incident", ForeignKey("incidents.id"), primary_key=True),
        Column("channel", Text, primary_key=True),
        Column("reason", Text, primary_key=True),
        Column("name", Text, primary_key=True),
    )
    add_index(connection, "held_by_name", "held (reason, name, channel)")
    add_table(
        connection,
        "maintenance",
        Column("name", Text, primary_key=True),
        Column("made_at", BigInteger, nullable=False),
        Column("made_by", Text, nullable=False),
        Column("window", Text, nullable=False),
    )


def _life(connection: Connection) -> None:
    for name in ("title", "about"):
        column = Column(name, Text, nullable=False, server_default="")
        add_column(connection, "incidents", column)
    severity = Column("severity", Text, nullable=False, server_default="warning")
    add_column(connection, "incidents", severity)
    connection.exec_driver_sql("UPDATE incidents SET title = group_key, about = group_key")
    comment = Column("comment", Text, nullable=False, server_default="")
    add_column(connection, "acknowledgements", comment)
    add_table(
        connection,
        "comments",
        Column("id", _ID, primary_key=True),
        Column("incident", ForeignKey("incidents.id"), nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("who", Text, nullable=False),
        Column("text", Text, nullable=False),
    )
    add_index(connection, "comments_of_incident", "comments (incident, id)")
    add_index(connection, "audit_of_subject", "audit (subject, id)")


def _said(connection: Connection) -> None:
    add_table(
        connection,
        "said",
        Column("what", Text, primary_key=True),
        Column("at", BigInteger, nullable=False),
    )


def _reached(connection: Connection) -> None:
    add_column(connection, "deliveries", Column("reached", JSON))
    add_column(connection, "deliveries", Column("reached_at", BigInteger))


def _hidden(connection: Connection) -> None:
    add_index(connection, "episodes_hidden", "episodes (hidden_by)", "hidden_by IS NOT NULL")


def _beats(connection: Connection) -> None:
    connection.exec_driver_sql(
        "INSERT INTO said (what, at) SELECT 'watchdog', max(accepted_at) FROM deliveries"
        " WHERE state = 'suppressed' AND channel = '' AND reason = 'watchdog'"
        " HAVING count(*) > 0"
    )


def _escalations(connection: Connection) -> None:
    add_table(
        connection,
        "escalations",
        Column("incident", ForeignKey("incidents.id"), primary_key=True),
        Column("policy", Text, nullable=False),
        Column("since", BigInteger, nullable=False),
        Column("told", Integer, nullable=False),
        Column("told_at", BigInteger),
        Column("rests", Text, nullable=False),
        Column("ended", BigInteger),
    )


def _verdicts(connection: Connection) -> None:
    add_table(
        connection,
        "verdicts",
        Column("incident", ForeignKey("incidents.id"), primary_key=True),
        Column("verdict", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("who", Text, nullable=False),
        Column("note", Text, nullable=False),
    )
    add_table(
        connection,
        "missed",
        Column("id", _ID, primary_key=True),
        Column("rule", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("who", Text, nullable=False),
        Column("note", Text, nullable=False),
    )


def _reports(connection: Connection) -> None:
    add_table(
        connection,
        "reports",
        Column("kind", Text, primary_key=True),
        Column("due", BigInteger, nullable=False),
    )


def _reopenings(connection: Connection) -> None:
    add_column(
        connection, "incidents", Column("reopened", Integer, nullable=False, server_default="0")
    )
    add_column(connection, "incidents", Column("reopened_at", BigInteger))
    first = Column("first_at", BigInteger, nullable=False, server_default="0")
    add_column(connection, "acknowledgements", first)
    connection.exec_driver_sql("UPDATE acknowledgements SET first_at = at")
    add_table(
        connection,
        "reopenings",
        Column("incident", ForeignKey("incidents.id"), primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("over_at", BigInteger, nullable=False),
        Column("at", BigInteger, nullable=False),
    )


def _replies(connection: Connection) -> None:
    add_table(
        connection,
        "replies",
        Column("key", Text, primary_key=True),
        Column("request", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
        Column("status", Integer),
        Column("kind", Text),
        Column("body", LargeBinary),
    )
    add_index(connection, "replies_by_age", "replies (at)")


def _heads(connection: Connection) -> None:
    add_column(connection, "incidents", Column("head", BigInteger))
    add_column(connection, "incidents", Column("joined_at", BigInteger))
    add_column(connection, "incidents", Column("join_key", Text))
    members = Column("members", Integer, nullable=False, server_default="0")
    add_column(connection, "incidents", members)
    add_index(connection, "incidents_of_head", "incidents (head)", "head IS NOT NULL")
    add_index(connection, "incidents_by_key", "incidents (join_key, id)", "join_key IS NOT NULL")


STEPS: Sequence[Step] = (
    *FIRST,
    *(_handling, _pictures, _outdated, _rota, _quiet, _life, _said, _reached, _hidden, _beats),
    _escalations,
    _verdicts,
    _reports,
    _reopenings,
    _replies,
    *(response_steps.runs, response_steps.consents),
    _heads,
    response_steps.chained_audit,
)
"""STEPS[i] takes a store of version i + 1 to i + 2."""
