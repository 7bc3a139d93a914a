"""The tables of automated responses. A change here needs a step in `migrations`."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from receiver.store import people
from receiver.store.schema import Id, Instant, metadata

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("runbook", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("attempt", Integer, nullable=False),  # of this episode, from 1
    Column("incident", ForeignKey("incidents.id"), nullable=False),
    Column("target", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("labels", Text, nullable=False),  # of the alert, as JSON
    Column("made_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("begun_at", Instant),  # when its first step was
    Column("ended_at", Instant),
    Column("lease", Instant),
    Column("turn", Integer, nullable=False),  # grows with each change: who changes it names the old
    Index("runs_of_episode", "runbook", "fingerprint", "starts_at", "attempt", unique=True),
    Index("runs_by_state", "state"),
    Index("runs_of_incident", "incident"),
    Index("runs_by_begin", "runbook", "begun_at"),
)

run_steps = Table(
    "run_steps",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # of all that was done in this run, in order
    Column("phase", Text, nullable=False),  # act, verify or undo
    Column("action", Text, nullable=False),
    Column("said", Text, nullable=False),  # what was to be done
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("outcome", Text, nullable=False),  # empty until it is known
    Column("detail", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("notes", Text, nullable=False),  # what taking it back needs, as JSON
)

consents = Table(
    "consents",
    metadata,
    Column("run", ForeignKey("runs.id"), primary_key=True),
    Column("who", Text, primary_key=True),
    Column("at", Instant, nullable=False),
)

breakers = Table(
    "breakers",
    metadata,
    Column("runbook", Text, primary_key=True),
    Column("opened_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
)

switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

EVERY = people.EVERY
"""All tables of a store, with these."""
