"""Where the message of an incident stands at its provider, so that it can be changed there.

What a digest has told in another message is outdated where it stands.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from receiver.model import Delivery
from receiver.store.among import among
from receiver.store.lane import Lane
from receiver.store.schema import OUTDATED, places


@dataclass(frozen=True, slots=True)
class Outdated:
    """A message that says what is no longer so: its incident, and where it stands."""

    incident: int
    place: str


class Places:
    """The part of a store that knows where messages stand."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def of(self, channel: str, incident: int) -> str:
        """Return where the message of an incident stands in a channel; empty where nowhere."""
        return await self._reader.run(_find, channel, incident)

    async def outdated(self, channel: str) -> Outdated | None:
        """Return a message of a channel that is outdated; that of the newest incident first."""
        return await self._reader.run(_outdated, channel)

    async def overtaken(self, channel: str, incidents: Collection[int]) -> None:
        """Note that more is known of these incidents than their messages say."""
        await self._writer.run(overtake, channel, incidents)

    async def refreshed(self, channel: str, found: Outdated) -> None:
        """Note that what was outdated no longer is, or cannot be changed."""
        await self._writer.run(_refreshed, channel, found)


def keep(connection: Connection, delivery: Delivery, place: str) -> None:
    """Remember the place of what was sent for a delivery."""
    here = _here(delivery.channel, delivery.incident)
    found = update(places).where(here).values(place=place, outdated=0)
    if not connection.execute(found).rowcount:
        row = {"incident": delivery.incident, "channel": delivery.channel, "place": place}
        connection.execute(insert(places).values(row | {"outdated": 0}))


def overtake(connection: Connection, channel: str, incidents: Collection[int]) -> None:
    """Note that another message has told what is new of these incidents."""
    connection.execute(_OVERTAKE, {"the_channel": channel, "incidents": [*incidents]})


def _find(connection: Connection, channel: str, incident: int) -> str:
    place = select(places.c.place).where(_here(channel, incident))
    return connection.scalar(place) or ""


def _outdated(connection: Connection, channel: str) -> Outdated | None:
    query = select(places.c.incident, places.c.place).where(OUTDATED, places.c.channel == channel)
    row = connection.execute(query.order_by(places.c.incident.desc()).limit(1)).one_or_none()
    return row and Outdated(row.incident, row.place)


def _refreshed(connection: Connection, channel: str, found: Outdated) -> None:
    here = _here(channel, found.incident) & (places.c.place == found.place)
    connection.execute(update(places).where(here).values(outdated=0))


_OVERTAKE = (
    update(places)
    .where(places.c.channel == bindparam("the_channel"), among(places.c.incident, "incidents"))
    .values(outdated=1)
)


def _here(channel: str, incident: int) -> ColumnElement[bool]:
    return (places.c.incident == incident) & (places.c.channel == channel)
