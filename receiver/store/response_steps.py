"""The steps of `migrations` that make the tables of automated responses."""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    Text,
    text,
)

from receiver.store.altering import add_column, add_table
from receiver.store.chain import link

_ID = BigInteger().with_variant(Integer, "sqlite")


def runs(connection: Connection) -> None:
    """Make what is known of responses, and of each of their steps."""
    add_table(
        connection,
        "runs",
        Column("id", _ID, primary_key=True),
        *_texts("runbook", "fingerprint"),
        Column("starts_at", BigInteger, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("incident", ForeignKey("incidents.id"), nullable=False),
        *_texts("target", "mode", "state", "reason", "detail", "labels"),
        *(Column(name, BigInteger, nullable=False) for name in ("made_at", "changed_at")),
        *(Column(name, BigInteger) for name in ("begun_at", "ended_at", "lease")),
        Column("turn", Integer, nullable=False),
        Index("runs_of_episode", "runbook", "fingerprint", "starts_at", "attempt", unique=True),
        Index("runs_by_state", "state"),
        Index("runs_of_incident", "incident"),
        Index("runs_by_begin", "runbook", "begun_at"),
    )
    add_table(
        connection,
        "run_steps",
        Column("run", ForeignKey("runs.id"), primary_key=True),
        Column("number", Integer, primary_key=True),
        *_texts("phase", "action", "said"),
        Column("begun_at", BigInteger, nullable=False),
        Column("ended_at", BigInteger),
        *_texts("outcome", "detail", "output", "notes"),
    )


def consents(connection: Connection) -> None:
    """Make who agreed to a response, and what keeps responses from acting."""
    add_table(
        connection,
        "consents",
        Column("run", ForeignKey("runs.id"), primary_key=True),
        Column("who", Text, primary_key=True),
        Column("at", BigInteger, nullable=False),
    )
    add_table(
        connection,
        "breakers",
        Column("runbook", Text, primary_key=True),
        Column("opened_at", BigInteger, nullable=False),
        *_texts("reason"),
    )
    add_table(
        connection,
        "switches",
        Column("name", Text, primary_key=True),
        Column("at", BigInteger, nullable=False),
        *_texts("who", "reason"),
    )


def chained_audit(connection: Connection) -> None:
    """Chain what is in the audit by hashes, and keep where the chain begins."""
    add_column(connection, "audit", Column("hash", Text, nullable=False, server_default=""))
    add_table(connection, "audit_start", Column("hash", Text, primary_key=True))
    told = connection.exec_driver_sql(
        "SELECT id, at, who, action, subject, detail FROM audit ORDER BY id"
    )
    before, rows = "", []
    for number, *row in told:
        before = link(before, row)
        rows.append({"number": number, "own": before})
    if rows:
        connection.execute(text("UPDATE audit SET hash = :own WHERE id = :number"), rows)


def _texts(*names: str) -> list[Column[str]]:
    return [Column(name, Text, nullable=False) for name in names]
