"""Where the message of an incident stands at its provider, so that it can be changed there."""

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from receiver.model import Delivery
from receiver.store.schema import places


def find(connection: Connection, channel: str, incident: int) -> str:
    """Return the place; empty where there is none."""
    place = select(places.c.place).where(_here(channel, incident))
    return connection.scalar(place) or ""


def keep(connection: Connection, delivery: Delivery, place: str) -> None:
    """Remember the place of what was sent for a delivery."""
    here = _here(delivery.channel, delivery.incident)
    if not connection.execute(update(places).where(here).values(place=place)).rowcount:
        row = {"incident": delivery.incident, "channel": delivery.channel, "place": place}
        connection.execute(insert(places).values(row))


def _here(channel: str, incident: int) -> ColumnElement[bool]:
    return (places.c.incident == incident) & (places.c.channel == channel)
