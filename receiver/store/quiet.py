"""The tables of what is kept quiet, and of what is said once, or was said last; as in `schema`."""

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from receiver.store.schema import Instant, metadata

held = Table(
    "held",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Index("held_by_name", "reason", "name", "channel"),
)

said = Table(
    "said",
    metadata,
    Column("what", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)
