"""The past of a group that flaps is not gone through, and what is known stays right."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Connection, Select, event, insert

from receiver.model import ASSUMED
from receiver.store import past
from receiver.store.engine import open_engines
from receiver.store.integrity import prepare
from receiver.store.migrations import migrate
from receiver.store.schema import episodes, incidents
from receiver.store.store import Store
from tests.receiver.store.test_episodes import states, tell
from tests.receiver.webhooks import START, alert, webhook

MINUTE = timedelta(minutes=1)
FLAPS = range(1, 3_000)


@pytest.fixture
def connection(database: Path | URL) -> Iterator[Connection]:
    if isinstance(database, Path):
        prepare(database)
    engines = open_engines(database, 5)
    with engines.writing.begin() as opened:
        migrate(opened)
        row = {"group_hash": "g", "receiver": "", "group_key": "", "resolved_at": START}
        row |= {"title": "", "severity": "warning", "about": ""}
        opened.execute(insert(incidents), [row | {"id": n, "opened_at": START} for n in FLAPS])
        row = {"group_hash": "g", "fingerprint": "aa", "status": "resolved", "ends_at": START}
        began = [{"incident": n, "starts_at": START + n * MINUTE} for n in FLAPS]
        opened.execute(insert(episodes), [row | each for each in began])
        if isinstance(database, URL):
            opened.exec_driver_sql("ANALYZE")
        yield opened
    for engine in {engines.writing, engines.claiming, engines.reading}:
        engine.dispose()


@pytest.mark.parametrize(
    ("statements", "sqlite", "postgresql"),
    [
        (past._LAST, "incidents_of_group (group_hash<?)", "using incidents_of_group"),
        (past._LATEST, "starts_at>?", "using episodes_pkey"),
    ],
)
def test_the_newest_is_found_by_an_index_and_no_more_than_that_is_read(
    connection: Connection, statements: dict[str, Select[Any]], sqlite: str, postgresql: str
) -> None:
    on_server = connection.dialect.name == "postgresql"

    def ask(*args: Any) -> tuple[str, Any]:
        return ("EXPLAIN " if on_server else "EXPLAIN QUERY PLAN ") + args[2], args[3]

    event.listen(connection, "before_cursor_execute", ask, retval=True)
    query = statements[connection.dialect.name]
    rows = connection.execute(query, VALUES).cursor.fetchall()
    plan = "\n".join(str(row) for row in rows)
    assert (postgresql if on_server else sqlite) in plan, plan
    assert "Limit" in plan or not on_server, plan
    assert "Seq Scan" not in plan, plan


VALUES = {"group": "g", "each": '["aa"]', "depth": 4, "before": 3, "soon": START}


def test_of_a_group_that_flaps_the_last_is_known(connection: Connection) -> None:
    assert past.last_incidents(connection, ["g", "new"])["g"].id == FLAPS[-1]
    assert "new" not in past.last_incidents(connection, ["new", "a"])
    known = past.known(connection, "g", ["aa", "bb"], START + FLAPS[-1] * MINUTE, None)
    assert known.resolved == {"aa": START + FLAPS[-1] * MINUTE}
    assert (known.firing, known.assumed) == ({}, {})


async def test_what_began_before_all_that_is_looked_at_is_stale(store: Store) -> None:
    for minute in range(6):
        await tell(store, alert("aa", minute=minute))
        over = alert("aa", "resolved", minute=minute)
        await tell(store, over, notification_reason=ASSUMED)
    before = await states(store)
    old = webhook([alert("aa", minute=1)]).notification.alerts[0]
    assert (await tell(store, alert("aa", minute=1))).is_stale(old)
    assert await states(store) == before


async def test_what_began_in_the_year_1_is_known_too(store: Store) -> None:
    old = alert("aa") | {"startsAt": "0001-01-01T00:00:00Z"}
    await tell(store, old)
    assert (await tell(store, old)).firing == {"aa": datetime(1, 1, 1, tzinfo=UTC)}
    for minute in range(4):
        await tell(store, alert("aa", "resolved", minute=minute), notification_reason=ASSUMED)
        await tell(store, old)
