"""The tables of what people do and plan. A change here needs a step in `migrations`."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from receiver.store.schema import Id, Instant, metadata

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("who", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("until", Instant),
    Column("comment", Text, nullable=False),
    Column("first_at", Instant, nullable=False),  # when somebody first had it
)

comments = Table(
    "comments",
    metadata,
    Column("id", Id, primary_key=True),
    Column("incident", ForeignKey("incidents.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("comments_of_incident", "incident", "id"),
)

overrides = Table(
    "overrides",
    metadata,
    Column("id", Id, primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Index("overrides_by_end", "until"),
)

handovers = Table(
    "handovers",
    metadata,
    Column("schedule", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant, nullable=False),
)

escalations = Table(
    "escalations",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("policy", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("told", Integer, nullable=False),
    Column("told_at", Instant),
    Column("rests", Text, nullable=False),
    Column("ended", Instant),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hash", Text, nullable=False),  # over the hash of the row before and this row
    Index("audit_of_subject", "subject", "id"),
)

audit_start = Table(
    "audit_start",
    metadata,
    Column("hash", Text, primary_key=True),  # of the last row that was forgotten
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("name", Text, primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("window", Text, nullable=False),  # as JSON
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("incident", ForeignKey("incidents.id"), primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("note", Text, nullable=False),
)

missed = Table(
    "missed",
    metadata,
    Column("id", Id, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("note", Text, nullable=False),
)

reports = Table(
    "reports",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("due", Instant, nullable=False),  # when the last that was told was due
)

replies = Table(
    "replies",
    metadata,
    Column("key", Text, primary_key=True),
    Column("request", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("status", Integer),  # none while the request is under way
    Column("kind", Text),
    Column("body", LargeBinary),
    Index("replies_by_age", "at"),
)

EVERY = metadata
"""All tables of a store, those of `schema` and these."""
