"""Changes that several receivers, or threads, are at: the locks they take, and pass by."""

from sqlalchemy import Connection, select, update
from sqlalchemy.sql.elements import ColumnElement

from receiver.store.schema import deliveries, schema_version


def touch(connection: Connection) -> None:
    """Change a row and change it back, which takes the locks of any other change.

    There and back, because SQLite writes nothing for a row that gets the value that it has.
    """
    for step in (1, -1):
        connection.execute(update(schema_version).values(version=schema_version.c.version + step))


def unheld(wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """Select the deliveries that are wanted, but for those that another receiver is at now.

    Two that change many rows would wait for each other, each for what the other has changed.
    """
    free = select(deliveries.c.id).where(wanted).with_for_update(skip_locked=True)
    return deliveries.c.id.in_(free)
