"""When the Watchdog last fired: it shows that alerts arrive, whatever else came with it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from receiver.store.quiet import said
from receiver.store.records import Webhook

_WATCHDOG = "watchdog"


def note(connection: Connection, webhooks: Iterable[Webhook]) -> None:
    """Note that it fired, where it did."""
    beats = [webhook.received_at for webhook in webhooks if webhook.beats]
    if beats:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(said).values(what=_WATCHDOG, at=beats[-1])
        newer = {"at": statement.excluded.at}
        connection.execute(statement.on_conflict_do_update(index_elements=["what"], set_=newer))


def last(connection: Connection) -> datetime | None:
    """Return when it last fired; None where it never did."""
    return connection.scalar(select(said.c.at).where(said.c.what == _WATCHDOG))
