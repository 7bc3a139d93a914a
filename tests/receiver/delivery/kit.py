"""Channels that do as they are told, and a look into the store."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientSession
from pydantic import PrivateAttr, SecretStr
from sqlalchemy import Connection, select

from receiver.channels.contract import Channel
from receiver.intake.webhook import parse
from receiver.metrics import Metrics
from receiver.model import Message
from receiver.store.records import Decision, Webhook
from receiver.store.schema import deliveries
from receiver.store.store import Store
from tests.receiver.webhooks import body

SECRET = "tok/en-that+nobody=sees"


class Scripted(Channel):
    """Sends as the script says: raises what stands there next, and succeeds at its end."""

    format = "text"
    type: str = "scripted"
    token: SecretStr = SecretStr(SECRET)
    _script: list[BaseException] = PrivateAttr(default_factory=list)
    _sent: asyncio.Queue[Message] = PrivateAttr(default_factory=asyncio.Queue)

    async def send(self, message: Message, http: ClientSession) -> str | None:  # noqa: ARG002 -- the contract's
        if self._script:
            raise self._script.pop(0)
        self._sent.put_nowait(message)
        return None


class Hanging(Scripted):
    """Answers only after its timeout."""

    async def send(self, message: Message, http: ClientSession) -> None:  # noqa: ARG002 -- the contract's
        self._sent.put_nowait(message)
        await asyncio.Event().wait()


async def owe(store: Store, *channels: str, **changes: Any) -> None:
    raw = body(**changes)
    await store.accept(Webhook(raw, parse(raw), datetime.now(UTC)), lambda _: Decision(channels))


async def rows(store: Store, table: Any) -> list[Any]:
    def read(connection: Connection) -> list[Any]:
        return list(connection.execute(select(table).order_by(table.c.id)))

    return await store._reader.run(read)


async def settled(store: Store, table: Any, outcome: str) -> Any:
    """Wait until some row of the table has this outcome."""
    column = "state" if table is deliveries else "outcome"
    while True:
        for row in await rows(store, table):
            if getattr(row, column) == outcome:
                return row
        await asyncio.sleep(0.01)


async def all_settled(store: Store) -> None:
    while True:
        if all(row.state != "owed" for row in await rows(store, deliveries)):
            return
        await asyncio.sleep(0.01)


def count(numbers: Metrics, name: str, **labels: str) -> float | None:
    return numbers.registry.get_sample_value(name, labels)
