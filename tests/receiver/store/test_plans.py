"""How the databases find what is due: neither among all that is owed, nor through history."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, Executable, Select, event, insert, select

from receiver.store import claims
from receiver.store.among import among
from receiver.store.engine import open_engines
from receiver.store.integrity import prepare
from receiver.store.migrations import migrate
from receiver.store.schema import deliveries, incidents, webhooks
from tests.receiver.webhooks import START

FEW = 1_000
QUERIES: dict[str, tuple[Select[Any], dict[str, Any], set[str]]] = {
    "count": (claims._COUNT, {"lane": 0}, {"deliveries_in_line", "deliveries_in_order"}),
    "first": (claims._FIRST, {"lane": 0, "most": 1}, {"deliveries_in_line", "deliveries_in_order"}),
    "of incidents": (claims._OF_INCIDENTS, {"incidents": [7]}, {"deliveries_in_order"}),
}


def fill(connection: Connection, numbers: range, state: str) -> None:
    """Tell two channels of each number; rows as small as they may be."""
    row = {"group_hash": "", "receiver": "", "group_key": "", "opened_at": START}
    row |= {"title": "", "severity": "warning", "about": ""}
    connection.execute(insert(incidents), [row | {"id": n, "group_hash": str(n)} for n in numbers])
    row = {"group_hash": "", "delivery_key": "", "received_at": START, "body": b"", "size": 0}
    told = [row | {"id": n, "incident": n, "left_out": []} for n in numbers]
    connection.execute(insert(webhooks), told)
    row = {"state": state, "reason": "", "urgent": 0, "attempts": 0}
    row |= {"accepted_at": START, "not_before": START}
    each = [
        row | {"webhook": n, "incident": n, "channel": name} for n in numbers for name in ("a", "b")
    ]
    connection.execute(insert(deliveries), each)


@pytest.fixture(params=["new", "old"])
def connection(request: pytest.FixtureRequest, database: Path | URL) -> Iterator[Connection]:
    """A storm in a store that is new, or that was last looked through when nothing was owed."""
    if isinstance(database, Path):
        prepare(database)
    engines = open_engines(database, 5)
    with engines.writing.begin() as opened:
        migrate(opened)
        if request.param == "old":
            fill(opened, range(1, 10 * FEW), "sent")
            if isinstance(database, URL):  # SQLite has no statistics but on demand
                opened.exec_driver_sql("ANALYZE")
        fill(opened, range(10 * FEW, 11 * FEW), "owed")
        yield opened
    for engine in {engines.writing, engines.claiming, engines.reading}:
        engine.dispose()


def plan(connection: Connection, query: Executable, values: dict[str, Any]) -> str:
    """Return how the database would go about it."""
    explain = "EXPLAIN " if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "

    def ask(*args: Any) -> tuple[str, Any]:
        return explain + args[2], args[3]

    event.listen(connection, "before_cursor_execute", ask, retval=True)
    rows = connection.execute(query, values).cursor.fetchall()
    return "\n".join(str(row) for row in rows)


@pytest.mark.parametrize("name", QUERIES)
def test_what_is_due_is_found_by_indexes_of_what_is_owed(connection: Connection, name: str) -> None:
    query, values, indexes = QUERIES[name]
    told = plan(connection, query, {"channel": "a", "now": START, **values})
    used = {index.name for index in deliveries.indexes if f"{index.name} " in told}
    # SQLite may take either of those that go by incident, whichever was made last.
    assert used - {"deliveries_of_incident"} == indexes, told


def test_rows_are_found_by_their_numbers_and_not_among_all(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        pytest.skip("it goes by statistics, which a test has none of")
    query = select(deliveries.c.state).where(among(deliveries.c.id, "numbers"))
    told = plan(connection, query, {"numbers": [10 * FEW, 10 * FEW + 1]})
    assert "SCAN deliveries" not in told, told
