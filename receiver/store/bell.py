"""Tells the receivers that share a PostgreSQL database what came in at one of them."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable

import orjson
import psycopg
from sqlalchemy import URL, Connection, func, select

_LOG = logging.getLogger(__name__)

Wake = Callable[[Iterable[str]], None]

_NAME = "tocsin_owed"
_LONGEST = 7000
"""Bytes of a notice; PostgreSQL allows 8,000."""
_SILENCE = 30.0
"""Seconds without a notice after which the connection is tried."""
_PAUSE = 2.0
"""Seconds before the next try to connect; until then, workers look by themselves."""


def ring(connection: Connection, channels: Iterable[str]) -> None:
    """Tell every receiver, once this is committed, that these channels are owed something."""
    if connection.dialect.name == "postgresql":
        notice = orjson.dumps(list(channels)).decode()
        said = notice if len(notice.encode()) <= _LONGEST else ""
        connection.execute(select(func.pg_notify(_NAME, said)))


async def listen(url: URL, channels: Collection[str], wake: Wake) -> None:
    """Wake channels as told by any receiver, until cancelled; wakes all where some may be missed.

    `channels` are those that this receiver has at the time; `wake` passes over others.
    """
    while True:
        try:
            async with await _connect(url) as connection:
                await connection.execute(f"LISTEN {_NAME}")
                wake(tuple(channels))
                await _hear(connection, channels, wake)
        except (psycopg.Error, TimeoutError) as error:
            _LOG.warning("not told what other receivers take in: %s", " ".join(str(error).split()))
        await asyncio.sleep(_PAUSE)


async def _connect(url: URL) -> psycopg.AsyncConnection:
    where = url.translate_connect_args(username="user", database="dbname")
    return await psycopg.AsyncConnection.connect(
        **where,
        **url.query,  # type: ignore[arg-type]  # libpq's own settings, all texts
        autocommit=True,
        connect_timeout=5,
        application_name="tocsin-receiver",
    )


async def _hear(connection: psycopg.AsyncConnection, channels: Collection[str], wake: Wake) -> None:
    while True:
        async for notice in connection.notifies(timeout=_SILENCE):
            told = orjson.loads(notice.payload) if notice.payload else channels
            wake([name for name in channels if name in told])
        async with asyncio.timeout(_SILENCE):  # a network that is cut says nothing by itself
            await connection.execute("SELECT 1")
