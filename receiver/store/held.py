"""Who was told nothing for a while: a row for each channel, incident and reason."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from receiver.store.quiet import held
from receiver.store.records import MAINTENANCE, Decision, Hold
from receiver.store.schema import episodes

MANY = 500
"""Rows of one statement at most: SQLite counts what is bound in it."""


@dataclass(frozen=True, slots=True)
class Held:
    """An incident that a channel was kept from."""

    incident: int
    channel: str
    hold: Hold


def note(
    connection: Connection, decisions: Sequence[Decision], belongs: Sequence[int | None]
) -> None:
    """Note who is told nothing, and who now is told after all."""
    rows = []
    for decision, incident in zip(decisions, belongs, strict=True):
        if incident is None or decision.reason:
            continue
        if decision.late:
            show(connection, [(incident, name) for name in decision.late])
            _drop_windows(connection, incident, decision.told)
        rows += [*_rows(decision, incident)]
    keep(connection, rows)


def _rows(decision: Decision, incident: int) -> Iterator[Held]:
    for channel in decision.channels:
        hold = decision.holds.get(channel) or decision.hidden_by
        if hold is not None:
            yield Held(incident, channel, hold)


def keep(connection: Connection, rows: Sequence[Held]) -> None:
    """Note who is told nothing, where that is not noted yet."""
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(held).on_conflict_do_nothing()
    connection.execute(statement, [_row(each) for each in rows])


def _row(each: Held) -> dict[str, object]:
    hold = each.hold
    return {
        "incident": each.incident,
        "channel": each.channel,
        "reason": hold.reason,
        "name": hold.name,
    }


def _drop_windows(connection: Connection, incident: int, channels: Sequence[str]) -> None:
    here = (held.c.incident == incident) & held.c.channel.in_(channels)
    connection.execute(delete(held).where(here, held.c.reason == MAINTENANCE))


def show(connection: Connection, prints: Collection[tuple[int, str]]) -> None:
    """Let alerts count as told."""
    every = [*prints]
    for start in range(0, len(every), MANY):
        these = tuple_(episodes.c.incident, episodes.c.fingerprint).in_(every[start : start + MANY])
        connection.execute(update(episodes).where(these).values(hidden_by=None))


def reasons(connection: Connection) -> list[tuple[str, Hold]]:
    """Return the channels that are kept from something, each with why."""
    rows = connection.execute(select(held.c.channel, held.c.reason, held.c.name).distinct())
    return [(row.channel, Hold(row.reason, row.name)) for row in rows]


def of(connection: Connection, hold: Hold, channels: Collection[str]) -> list[Held]:
    """Return what these channels are kept from for one reason."""
    these = (held.c.reason == hold.reason) & (held.c.name == hold.name)
    query = select(held.c.incident, held.c.channel).where(these, held.c.channel.in_(channels))
    rows = connection.execute(query.order_by(held.c.incident, held.c.channel))
    return [Held(row.incident, row.channel, hold) for row in rows]
