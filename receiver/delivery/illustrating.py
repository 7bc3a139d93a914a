"""Pictures that are added to messages after these were sent: no message waits for that."""

import asyncio
import logging

from aiohttp import ClientSession

from receiver.delivery.sending import Outlet
from receiver.metrics import Metrics
from receiver.model import Message, SendError

_LOG = logging.getLogger(__name__)

_MOST = 3
"""Pictures under way at once; a storm of messages goes without."""


class Illustrating:
    """Adds pictures beside the worker of one channel."""

    def __init__(self, outlet: Outlet, http: ClientSession, metrics: Metrics) -> None:
        self._outlet = outlet
        self._http = http
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, message: Message) -> None:
        """Add the picture of a message that stands somewhere, if it has one."""
        if message.picture is None or not message.place:
            return
        if len(self._tasks) >= _MOST:
            self._count("late")
            return
        task = asyncio.create_task(self._add(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _add(self, message: Message) -> None:
        try:
            await self._outlet.illustrate(message, self._http)
        except SendError as error:
            name = self._outlet.name
            _LOG.warning("channel %s: a message goes without its picture: %s", name, error)
            self._count("failed")
        else:
            self._count("found")

    def _count(self, outcome: str) -> None:
        self._metrics.background.labels("upload", outcome).inc()
